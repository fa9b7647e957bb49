// The gateway's view of the payment service: one verb (verb.h) for each RPC.
//
// To charge waits for the payment provider, which may be slow while the service is well. It has a
// guard of its own, `charges`, over the payment service's channel: slow charges neither open the
// breaker of reads nor fill their bulkhead, and they do not open their own, because the bank of
// some is no reason to refuse the others. Only a service that fails or says nothing opens it; a
// provider that says nothing is an answer of the service (PAYMENT_OUTCOME_UNKNOWN). Whether an RPC
// may be repeated is said in the .cc.
#ifndef SCALEOUT_GATEWAY_BACKENDS_PAYMENT_BACKEND_H_
#define SCALEOUT_GATEWAY_BACKENDS_PAYMENT_BACKEND_H_

#include <chrono>
#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "gateway/backends/verb.h"
#include "scaleout/payment/v1/payment.pb.h"

namespace scaleout::gateway {

class BackendGuard;
class Backends;
struct Backend;
struct CoalescingParts;
struct GuardParts;
struct RequestContext;

inline constexpr std::string_view kChargesGuard = "charges";

// Of one attempt to charge: a provider that takes up to 2 s (PROVIDER_TIMEOUT), then 2 s to record
// its answer, and a second for the rest. Of a provider that takes longer the service says, before
// this is over, that its answer is not known.
inline constexpr std::chrono::seconds kChargeTime{5};
// Silence for so long is a failure, because such a provider's answer is recorded by then; where a
// client's deadline left less time it says nothing.
inline constexpr std::chrono::seconds kSilentChargeTime{4};
// Of the request's time, to begin a payment with: the payment service begins no charge with less
// than 200 ms, and what is to be done before that takes time too.
inline constexpr std::chrono::milliseconds kLeastPaymentTime{300};

// Of them in flight from one gateway: as many as one payment service works on and lets wait, where
// its settings do not say otherwise.
inline constexpr int kMaxChargeCalls = 96;

struct PaymentBackend {
  Verb<payment::v1::CreatePaymentRequest, payment::v1::CreatePaymentResponse> CreatePayment;
  Verb<payment::v1::GetPaymentRequest, payment::v1::GetPaymentResponse> GetPayment;
  Verb<payment::v1::ListPaymentsRequest, payment::v1::ListPaymentsResponse> ListPayments;
  // Not OK where CreatePayment would be in vain, because the request has less than
  // kLeastPaymentTime, because its own circuit is open or the one to the service's reads, or
  // because as many charges as may be are in flight. For a caller with something to do before it
  // charges.
  std::function<absl::Status(const RequestContext&)> FindRefusal;
};

// Adds the guard `charges` to the list.
BackendGuard& AddChargesGuard(Backends& backends, const GuardParts& parts);

// Calls the service through `backend`; both outlive the result. With `coalescing` the reads that
// have a batch RPC are coalesced (coalescer.h).
PaymentBackend MakePaymentBackend(Backend& backend, BackendGuard& charges,
                                  const CoalescingParts* coalescing = nullptr);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_PAYMENT_BACKEND_H_
