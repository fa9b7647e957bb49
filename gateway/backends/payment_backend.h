// The gateway's view of the payment service: plain verbs, one coroutine each.
//
// Every verb resumes on the request's own loop and never outlasts the request's deadline. Errors
// are the service's statuses, or the call's own: DEADLINE_EXCEEDED, UNAVAILABLE, CANCELLED (the
// client is gone).
#ifndef SCALEOUT_GATEWAY_BACKENDS_PAYMENT_BACKEND_H_
#define SCALEOUT_GATEWAY_BACKENDS_PAYMENT_BACKEND_H_

#include <memory>

#include "absl/status/statusor.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"
#include "scaleout/payment/v1/payment.pb.h"

namespace scaleout::gateway {

struct Backend;

class PaymentBackend {
 public:
  virtual ~PaymentBackend() = default;

  virtual Task<absl::StatusOr<payment::v1::CreatePaymentResponse>> CreatePayment(
      RequestContext& context, payment::v1::CreatePaymentRequest request) = 0;
  virtual Task<absl::StatusOr<payment::v1::GetPaymentResponse>> GetPayment(
      RequestContext& context, payment::v1::GetPaymentRequest request) = 0;
  virtual Task<absl::StatusOr<payment::v1::ListPaymentsResponse>> ListPayments(
      RequestContext& context, payment::v1::ListPaymentsRequest request) = 0;
};

// Calls the service through `backend`, which outlives the result.
std::unique_ptr<PaymentBackend> MakePaymentBackend(Backend& backend);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_PAYMENT_BACKEND_H_
