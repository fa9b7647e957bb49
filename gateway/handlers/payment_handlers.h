// /api/payments: the payment service over HTTP, and what of a payment is the order service's.
//
// Each handler parses, asks and renders (ask_backend.h); what a field may hold is the contract's
// (payment_limits.h), and every field that is wrong is listed in one answer (422). To pay is two
// calls within the request's deadline: the order service reserves the order and says what is to be
// charged, then the payment service charges that. Both answer a repeated Idempotency-Key as the
// first time, so whatever comes between them, the client repeats the request until it has an
// answer. A payment that the provider declines is a payment (201) with that status, not an error. A
// refund begins in the order service, which moves the order; the money follows. Stateless apart
// from the injected backends, which outlive it, and hence shared by all loops.
#ifndef SCALEOUT_GATEWAY_HANDLERS_PAYMENT_HANDLERS_H_
#define SCALEOUT_GATEWAY_HANDLERS_PAYMENT_HANDLERS_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/fault_points.h"
#include "gateway/backends/order_backend.h"
#include "gateway/backends/payment_backend.h"
#include "gateway/http/message.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

// What a client sends to pay.
struct NewPayment {
  order::v1::ReservePaymentRequest reserve;
  std::string payment_method_token;
};

class PaymentHandlers {
 public:
  PaymentHandlers(PaymentBackend& payments, OrderBackend& orders,
                  const FaultPoints& faults = FaultPoints::None())
      : payments_(payments), orders_(orders), faults_(faults) {}

  Task<absl::StatusOr<Response>> List(RequestContext& context, const Request& request);
  // Needs an Idempotency-Key: a charge is never made twice. Reserves nothing while it is
  // known that nothing can be charged.
  Task<absl::StatusOr<Response>> Create(RequestContext& context, const Request& request);
  Task<absl::StatusOr<Response>> Get(RequestContext& context, const Request& request);
  // Gives the whole payment back. 202 as long as that is under way, 200 when it was done before,
  // 409 that passes while it is not decided whether there is anything to give back.
  Task<absl::StatusOr<Response>> Refund(RequestContext& context, const Request& request);

 private:
  Task<absl::StatusOr<Response>> Pay(RequestContext& context, NewPayment wanted);
  Task<absl::StatusOr<Response>> RefundPayment(RequestContext& context,
                                               payment::v1::GetPaymentRequest ask);

  PaymentBackend& payments_;
  OrderBackend& orders_;
  const FaultPoints& faults_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_PAYMENT_HANDLERS_H_
