#include "gateway/backends/order_backend.h"

#include <utility>

#include "gateway/backends/backend_channels.h"
#include "gateway/backends/guarded_call.h"
#include "scaleout/order/v1/order.grpc.pb.h"

namespace scaleout::gateway {
namespace {

using Stub = order::v1::OrderService::Stub;
using Rpc = order::v1::OrderService::StubInterface::async_interface;

class GrpcOrderBackend final : public OrderBackend {
 public:
  explicit GrpcOrderBackend(BackendChannel& channel)
      : channel_(channel), stub_(channel.channel()), rpc_(*stub_.async()) {}

  Task<absl::StatusOr<order::v1::CreateOrderResponse>> CreateOrder(
      RequestContext& context, order::v1::CreateOrderRequest request) override {
    return GuardedCall(context, channel_, create_order_, rpc_, &Rpc::CreateOrder,
                       std::move(request));
  }
  Task<absl::StatusOr<order::v1::GetOrderResponse>> GetOrder(
      RequestContext& context, order::v1::GetOrderRequest request) override {
    return GuardedCall(context, channel_, get_order_, rpc_, &Rpc::GetOrder, std::move(request));
  }
  Task<absl::StatusOr<order::v1::ListOrdersResponse>> ListOrders(
      RequestContext& context, order::v1::ListOrdersRequest request) override {
    return GuardedCall(context, channel_, list_orders_, rpc_, &Rpc::ListOrders, std::move(request));
  }
  Task<absl::StatusOr<order::v1::CancelOrderResponse>> CancelOrder(
      RequestContext& context, order::v1::CancelOrderRequest request) override {
    return GuardedCall(context, channel_, cancel_order_, rpc_, &Rpc::CancelOrder,
                       std::move(request));
  }

 private:
  BackendChannel& channel_;
  Stub stub_;
  Rpc& rpc_;
  RpcMethod create_order_{channel_.guard(), "CreateOrder", Repeat::kWithKey};
  RpcMethod get_order_{channel_.guard(), "GetOrder", Repeat::kSafe};
  RpcMethod list_orders_{channel_.guard(), "ListOrders", Repeat::kSafe};
  RpcMethod cancel_order_{channel_.guard(), "CancelOrder", Repeat::kSafe};
};

}  // namespace

std::unique_ptr<OrderBackend> MakeOrderBackend(BackendChannel& channel) {
  return std::make_unique<GrpcOrderBackend>(channel);
}

}  // namespace scaleout::gateway
