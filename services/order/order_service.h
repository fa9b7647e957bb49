// What each RPC of scaleout.order.v1.OrderService does: validate, ask the repositories, map. No SQL
// and no gRPC.
//
// An RPC fills its response and returns OK, or returns a status and leaves the response as it was.
// UNAUTHENTICATED without a principal (service/principal.h), of a batch for the key that has none;
// INVALID_ARGUMENT names every refused field by its path in the contract; all other errors are the
// repositories'. A batch read is one statement, and its answer is bounded (service/batch_keys.h).
// Thread-safe if the repositories are.
#ifndef SCALEOUT_SERVICES_ORDER_ORDER_SERVICE_H_
#define SCALEOUT_SERVICES_ORDER_ORDER_SERVICE_H_

#include "absl/status/status.h"
#include "common/call_context.h"
#include "common/fault_points.h"
#include "scaleout/order/v1/order.pb.h"
#include "service/idempotency/idempotent_writes.h"
#include "services/order/order_repository.h"
#include "services/order/reservation_repository.h"

namespace scaleout::order {

class OrderService {
 public:
  // All must outlive the service.
  OrderService(OrderRepository& repository, ReservationRepository& reservations,
               IdempotentWrites& writes, const FaultPoints& faults = FaultPoints::None())
      : repository_(repository), reservations_(reservations), writes_(writes), faults_(faults) {}

  absl::Status CreateOrder(const CallContext& call, const v1::CreateOrderRequest& request,
                           v1::CreateOrderResponse& response);
  absl::Status GetOrder(const CallContext& call, const v1::GetOrderRequest& request,
                        v1::GetOrderResponse& response);
  absl::Status BatchGetOrders(const CallContext& call, const v1::BatchGetOrdersRequest& request,
                              v1::BatchGetOrdersResponse& response);
  absl::Status ListOrders(const CallContext& call, const v1::ListOrdersRequest& request,
                          v1::ListOrdersResponse& response);
  absl::Status BatchListOrders(const CallContext& call, const v1::BatchListOrdersRequest& request,
                               v1::BatchListOrdersResponse& response);
  absl::Status CancelOrder(const CallContext& call, const v1::CancelOrderRequest& request,
                           v1::CancelOrderResponse& response);
  absl::Status ReservePayment(const CallContext& call, const v1::ReservePaymentRequest& request,
                              v1::ReservePaymentResponse& response);
  absl::Status RequestRefund(const CallContext& call, const v1::RequestRefundRequest& request,
                             v1::RequestRefundResponse& response);

 private:
  OrderRepository& repository_;
  ReservationRepository& reservations_;
  IdempotentWrites& writes_;
  const FaultPoints& faults_;
};

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_ORDER_SERVICE_H_
