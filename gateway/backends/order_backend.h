// The gateway's view of the order service: plain verbs, one coroutine each.
//
// Every verb resumes on the request's own loop and never outlasts the request's deadline. Errors
// are the service's statuses, or the call's own: DEADLINE_EXCEEDED, UNAVAILABLE, CANCELLED (the
// client is gone).
#ifndef SCALEOUT_GATEWAY_BACKENDS_ORDER_BACKEND_H_
#define SCALEOUT_GATEWAY_BACKENDS_ORDER_BACKEND_H_

#include <memory>

#include "absl/status/statusor.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"
#include "scaleout/order/v1/order.pb.h"

namespace scaleout::gateway {

struct Backend;

class OrderBackend {
 public:
  virtual ~OrderBackend() = default;

  virtual Task<absl::StatusOr<order::v1::CreateOrderResponse>> CreateOrder(
      RequestContext& context, order::v1::CreateOrderRequest request) = 0;
  virtual Task<absl::StatusOr<order::v1::GetOrderResponse>> GetOrder(
      RequestContext& context, order::v1::GetOrderRequest request) = 0;
  virtual Task<absl::StatusOr<order::v1::ListOrdersResponse>> ListOrders(
      RequestContext& context, order::v1::ListOrdersRequest request) = 0;
  virtual Task<absl::StatusOr<order::v1::CancelOrderResponse>> CancelOrder(
      RequestContext& context, order::v1::CancelOrderRequest request) = 0;
};

// Calls the service through `backend`, which outlives the result.
std::unique_ptr<OrderBackend> MakeOrderBackend(Backend& backend);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_ORDER_BACKEND_H_
