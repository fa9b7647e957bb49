// /api/payments: the payment service over HTTP.
//
// Each handler parses, asks and renders (ask_backend.h); what a field may hold is the contract's
// (payment_limits.h), and every field that is wrong is listed in one answer (422). A payment that
// the provider declines is a payment (201) with that status, not an error. Stateless apart from the
// injected backend, which outlives it, and hence shared by all loops.
#ifndef SCALEOUT_GATEWAY_HANDLERS_PAYMENT_HANDLERS_H_
#define SCALEOUT_GATEWAY_HANDLERS_PAYMENT_HANDLERS_H_

#include "absl/status/statusor.h"
#include "gateway/backends/payment_backend.h"
#include "gateway/http/message.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class PaymentHandlers {
 public:
  explicit PaymentHandlers(PaymentBackend& payments) : payments_(payments) {}

  Task<absl::StatusOr<Response>> List(RequestContext& context, const Request& request);
  // Needs an Idempotency-Key: a charge is never made twice.
  Task<absl::StatusOr<Response>> Create(RequestContext& context, const Request& request);
  Task<absl::StatusOr<Response>> Get(RequestContext& context, const Request& request);

 private:
  PaymentBackend& payments_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_PAYMENT_HANDLERS_H_
