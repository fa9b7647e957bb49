// The gateway's view of the order service: one verb (verb.h) for each RPC.
//
// Whether an RPC may be repeated is said in the .cc.
#ifndef SCALEOUT_GATEWAY_BACKENDS_ORDER_BACKEND_H_
#define SCALEOUT_GATEWAY_BACKENDS_ORDER_BACKEND_H_

#include "gateway/backends/verb.h"
#include "scaleout/order/v1/order.pb.h"

namespace scaleout::gateway {

struct Backend;
struct CoalescingParts;

struct OrderBackend {
  Verb<order::v1::CreateOrderRequest, order::v1::CreateOrderResponse> CreateOrder;
  Verb<order::v1::GetOrderRequest, order::v1::GetOrderResponse> GetOrder;
  Verb<order::v1::ListOrdersRequest, order::v1::ListOrdersResponse> ListOrders;
  Verb<order::v1::CancelOrderRequest, order::v1::CancelOrderResponse> CancelOrder;
  Verb<order::v1::ReservePaymentRequest, order::v1::ReservePaymentResponse> ReservePayment;
  Verb<order::v1::RequestRefundRequest, order::v1::RequestRefundResponse> RequestRefund;
};

// Calls the service through `backend`, which outlives the result. With `coalescing` the reads that
// have a batch RPC are coalesced (coalescer.h).
OrderBackend MakeOrderBackend(Backend& backend, const CoalescingParts* coalescing = nullptr);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_ORDER_BACKEND_H_
