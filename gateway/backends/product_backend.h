// The gateway's view of the product catalog: plain verbs, one coroutine each.
//
// Every verb resumes on the request's own loop and never outlasts the request's deadline. Errors
// are the service's statuses, or the call's own: DEADLINE_EXCEEDED, UNAVAILABLE, CANCELLED (the
// client is gone). The order service serves it.
#ifndef SCALEOUT_GATEWAY_BACKENDS_PRODUCT_BACKEND_H_
#define SCALEOUT_GATEWAY_BACKENDS_PRODUCT_BACKEND_H_

#include <memory>

#include "absl/status/statusor.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"
#include "scaleout/order/v1/product.pb.h"

namespace scaleout::gateway {

struct Backend;

class ProductBackend {
 public:
  virtual ~ProductBackend() = default;

  virtual Task<absl::StatusOr<order::v1::GetProductResponse>> GetProduct(
      RequestContext& context, order::v1::GetProductRequest request) = 0;
  virtual Task<absl::StatusOr<order::v1::ListProductsResponse>> ListProducts(
      RequestContext& context, order::v1::ListProductsRequest request) = 0;
};

// Calls the service through `backend`, which outlives the result.
std::unique_ptr<ProductBackend> MakeProductBackend(Backend& backend);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_PRODUCT_BACKEND_H_
