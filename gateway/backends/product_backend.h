// The gateway's view of the product catalog: one verb (verb.h) for each RPC.
//
// Whether an RPC may be repeated is said in the .cc. The order service serves it.
#ifndef SCALEOUT_GATEWAY_BACKENDS_PRODUCT_BACKEND_H_
#define SCALEOUT_GATEWAY_BACKENDS_PRODUCT_BACKEND_H_

#include "gateway/backends/verb.h"
#include "scaleout/order/v1/product.pb.h"

namespace scaleout::gateway {

struct Backend;
struct CoalescingParts;

struct ProductBackend {
  Verb<order::v1::GetProductRequest, order::v1::GetProductResponse> GetProduct;
  Verb<order::v1::ListProductsRequest, order::v1::ListProductsResponse> ListProducts;
};

// Calls the service through `backend`, which outlives the result. With `coalescing` the reads that
// have a batch RPC are coalesced (coalescer.h).
ProductBackend MakeProductBackend(Backend& backend, const CoalescingParts* coalescing = nullptr);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_PRODUCT_BACKEND_H_
