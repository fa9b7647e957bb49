#include "gateway/backends/product_backend.h"

#include <utility>

#include "gateway/backends/backend.h"
#include "gateway/backends/backend_channel.h"
#include "gateway/backends/guarded_call.h"
#include "scaleout/order/v1/product.grpc.pb.h"

namespace scaleout::gateway {
namespace {

using Stub = order::v1::ProductService::Stub;
using Rpc = order::v1::ProductService::StubInterface::async_interface;

class GrpcProductBackend final : public ProductBackend {
 public:
  explicit GrpcProductBackend(Backend& backend)
      : backend_(backend), stub_(backend.channel->channel()), rpc_(*stub_.async()) {}

  Task<absl::StatusOr<order::v1::GetProductResponse>> GetProduct(
      RequestContext& context, order::v1::GetProductRequest request) override {
    return GuardedCall(context, *backend_.channel, get_product_, rpc_, &Rpc::GetProduct,
                       std::move(request));
  }
  Task<absl::StatusOr<order::v1::ListProductsResponse>> ListProducts(
      RequestContext& context, order::v1::ListProductsRequest request) override {
    return GuardedCall(context, *backend_.channel, list_products_, rpc_, &Rpc::ListProducts,
                       std::move(request));
  }

 private:
  Backend& backend_;
  Stub stub_;
  Rpc& rpc_;
  RpcMethod get_product_{backend_.guard, "GetProduct", Repeat::kSafe};
  RpcMethod list_products_{backend_.guard, "ListProducts", Repeat::kSafe};
};

}  // namespace

std::unique_ptr<ProductBackend> MakeProductBackend(Backend& backend) {
  return std::make_unique<GrpcProductBackend>(backend);
}

}  // namespace scaleout::gateway
