// What each RPC of scaleout.payment.v1.PaymentService does: validate, ask repository and provider,
// map. No SQL and no gRPC.
//
// CreatePayment commits the payment as AUTHORIZED, asks the provider under the reservation's id and
// records the answer; the record does not depend on the client: it is made even if the client has
// cancelled or its deadline has passed. After a failure a repeated call goes on with the same
// charge, and so does the sweeper (charge_sweeper.h) where none comes.
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
#include "common/fault_points.h"
#include "scaleout/payment/v1/payment.pb.h"
#include "services/payment/charge_repository.h"
#include "services/payment/payment_provider.h"
#include "services/payment/payment_repository.h"
#include "services/payment/token_bulkhead.h"

namespace scaleout::payment {

// How long recording the provider's answer may take, on top of the call's own deadline.
inline constexpr std::chrono::milliseconds kRecordLimit{2000};

class PaymentService {
 public:
  // All references must outlive the service.
  PaymentService(PaymentRepository& repository, ChargeRepository& charges,
                 PaymentProvider& provider, TokenBulkhead& bulkhead, const Clock& clock,
                 const FaultPoints& faults = FaultPoints::None())
      : repository_(repository),
        charges_(charges),
        provider_(provider),
        bulkhead_(bulkhead),
        clock_(clock),
        faults_(faults) {}

  absl::Status CreatePayment(const CallContext& call, const v1::CreatePaymentRequest& request,
                             v1::CreatePaymentResponse& response);
  absl::Status SettleReservation(const CallContext& call,
                                 const v1::SettleReservationRequest& request,
                                 v1::SettleReservationResponse& response);
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
  // The stored answer of a charge that this call has the lease of.
  absl::StatusOr<StoredAnswer> Charge(const CallContext& call, const NewPayment& payment);

  PaymentRepository& repository_;
  ChargeRepository& charges_;
  PaymentProvider& provider_;
  TokenBulkhead& bulkhead_;
  const Clock& clock_;
  const FaultPoints& faults_;
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_SERVICE_H_
