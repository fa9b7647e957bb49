// What each RPC of scaleout.order.v1.ProductService does: validate, ask the repository, map. No SQL
// and no gRPC.
//
// An RPC fills its response and returns OK, or returns a status and leaves the response as it was.
// INVALID_ARGUMENT names every refused field by its path in the contract. A batch read is one
// statement (service/batch_keys.h). Thread-safe if the repository is.
#ifndef SCALEOUT_SERVICES_ORDER_PRODUCT_SERVICE_H_
#define SCALEOUT_SERVICES_ORDER_PRODUCT_SERVICE_H_

#include "absl/status/status.h"
#include "common/call_context.h"
#include "scaleout/order/v1/product.pb.h"
#include "services/order/product_repository.h"

namespace scaleout::order {

class ProductService {
 public:
  // `repository` must outlive the service.
  explicit ProductService(ProductRepository& repository) : repository_(repository) {}

  absl::Status GetProduct(const CallContext& call, const v1::GetProductRequest& request,
                          v1::GetProductResponse& response);
  absl::Status BatchGetProducts(const CallContext& call, const v1::BatchGetProductsRequest& request,
                                v1::BatchGetProductsResponse& response);
  absl::Status ListProducts(const CallContext& call, const v1::ListProductsRequest& request,
                            v1::ListProductsResponse& response);

 private:
  ProductRepository& repository_;
};

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_PRODUCT_SERVICE_H_
