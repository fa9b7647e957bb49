#include "gateway/backends/order_backend.h"

#include <utility>

#include "gateway/backends/backend.h"
#include "gateway/backends/backend_channel.h"
#include "gateway/backends/guarded_call.h"
#include "scaleout/order/v1/order.grpc.pb.h"

namespace scaleout::gateway {
namespace {

using Stub = order::v1::OrderService::Stub;
using Rpc = order::v1::OrderService::StubInterface::async_interface;

class GrpcOrderBackend final : public OrderBackend {
 public:
  explicit GrpcOrderBackend(Backend& backend)
      : backend_(backend), stub_(backend.channel->channel()), rpc_(*stub_.async()) {}

  Task<absl::StatusOr<order::v1::CreateOrderResponse>> CreateOrder(
      RequestContext& context, order::v1::CreateOrderRequest request) override {
    return GuardedCall(context, *backend_.channel, create_order_, rpc_, &Rpc::CreateOrder,
                       std::move(request));
  }
  Task<absl::StatusOr<order::v1::GetOrderResponse>> GetOrder(
      RequestContext& context, order::v1::GetOrderRequest request) override {
    return GuardedCall(context, *backend_.channel, get_order_, rpc_, &Rpc::GetOrder,
                       std::move(request));
  }
  Task<absl::StatusOr<order::v1::ListOrdersResponse>> ListOrders(
      RequestContext& context, order::v1::ListOrdersRequest request) override {
    return GuardedCall(context, *backend_.channel, list_orders_, rpc_, &Rpc::ListOrders,
                       std::move(request));
  }
  Task<absl::StatusOr<order::v1::CancelOrderResponse>> CancelOrder(
      RequestContext& context, order::v1::CancelOrderRequest request) override {
    return GuardedCall(context, *backend_.channel, cancel_order_, rpc_, &Rpc::CancelOrder,
                       std::move(request));
  }

 private:
  Backend& backend_;
  Stub stub_;
  Rpc& rpc_;
  RpcMethod create_order_{backend_.guard, "CreateOrder", Repeat::kWithKey};
  RpcMethod get_order_{backend_.guard, "GetOrder", Repeat::kSafe};
  RpcMethod list_orders_{backend_.guard, "ListOrders", Repeat::kSafe};
  RpcMethod cancel_order_{backend_.guard, "CancelOrder", Repeat::kSafe};
};

}  // namespace

std::unique_ptr<OrderBackend> MakeOrderBackend(Backend& backend) {
  return std::make_unique<GrpcOrderBackend>(backend);
}

}  // namespace scaleout::gateway
