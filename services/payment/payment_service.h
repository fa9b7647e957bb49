// What each RPC of scaleout.payment.v1.PaymentService does: validate, ask repository and provider,
// map. No SQL and no gRPC.
//
// CreatePayment takes a durable lease on the idempotency key, charges under the key's own reference
// and records the answer. The record does not depend on the client: it is made even if the client
// has cancelled or its deadline has passed. After a failure a repeated call continues the attempt:
// at once if the service released the lease, when the lease is over if it crashed.
//
// An RPC fills its response and returns OK, or returns a status and leaves the response as it was.
// A batch read is one statement, and its answer is bounded (service/batch_keys.h). Thread-safe if
// its parts are.
#ifndef SCALEOUT_SERVICES_PAYMENT_PAYMENT_SERVICE_H_
#define SCALEOUT_SERVICES_PAYMENT_PAYMENT_SERVICE_H_

#include <chrono>

#include "absl/status/status.h"
#include "common/call_context.h"
#include "common/clock.h"
#include "scaleout/payment/v1/payment.pb.h"
#include "services/payment/payment_provider.h"
#include "services/payment/payment_repository.h"

namespace scaleout::payment {

// How long recording the provider's answer may take, on top of the call's own deadline.
inline constexpr std::chrono::milliseconds kRecordLimit{2000};

class PaymentService {
 public:
  // All references must outlive the service. `lease` is explained in provider_config.h.
  PaymentService(PaymentRepository& repository, PaymentProvider& provider,
                 std::chrono::milliseconds lease, const Clock& clock)
      : repository_(repository), provider_(provider), lease_(lease), clock_(clock) {}

  absl::Status CreatePayment(const CallContext& call, const v1::CreatePaymentRequest& request,
                             v1::CreatePaymentResponse& response);
  absl::Status GetPayment(const CallContext& call, const v1::GetPaymentRequest& request,
                          v1::GetPaymentResponse& response);
  absl::Status BatchGetPayments(const CallContext& call, const v1::BatchGetPaymentsRequest& request,
                                v1::BatchGetPaymentsResponse& response);
  absl::Status ListPayments(const CallContext& call, const v1::ListPaymentsRequest& request,
                            v1::ListPaymentsResponse& response);
  absl::Status BatchListPayments(const CallContext& call,
                                 const v1::BatchListPaymentsRequest& request,
                                 v1::BatchListPaymentsResponse& response);

 private:
  absl::StatusOr<Payment> Charge(const CallContext& call, const Attempt& attempt,
                                 const NewPayment& payment);

  PaymentRepository& repository_;
  PaymentProvider& provider_;
  const std::chrono::milliseconds lease_;
  const Clock& clock_;
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_SERVICE_H_
