// The gateway's view of the payment service: one verb (verb.h) for each RPC.
//
// Whether an RPC may be repeated is said in the .cc.
#ifndef SCALEOUT_GATEWAY_BACKENDS_PAYMENT_BACKEND_H_
#define SCALEOUT_GATEWAY_BACKENDS_PAYMENT_BACKEND_H_

#include <functional>

#include "absl/status/status.h"
#include "gateway/backends/verb.h"
#include "scaleout/payment/v1/payment.pb.h"

namespace scaleout::gateway {

struct Backend;
struct CoalescingParts;

struct PaymentBackend {
  Verb<payment::v1::CreatePaymentRequest, payment::v1::CreatePaymentResponse> CreatePayment;
  Verb<payment::v1::GetPaymentRequest, payment::v1::GetPaymentResponse> GetPayment;
  Verb<payment::v1::ListPaymentsRequest, payment::v1::ListPaymentsResponse> ListPayments;
  // What the verbs would answer without asking: not OK while the circuit is open. For a caller with
  // something to do before it asks, which would then be in vain.
  std::function<absl::Status()> FindOutage;
};

// Calls the service through `backend`, which outlives the result. With `coalescing` the reads that
// have a batch RPC are coalesced (coalescer.h).
PaymentBackend MakePaymentBackend(Backend& backend, const CoalescingParts* coalescing = nullptr);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_PAYMENT_BACKEND_H_
