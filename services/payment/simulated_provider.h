// A payment provider for labs and tests that behaves like a real one's test mode: latency,
// failures, and tokens that choose the outcome.
//
//   tok_success      charged
//   tok_decline      refused: card_declined
//   tok_timeout      no answer, nothing charged, however often it is asked
//   tok_lost_reply   charged, but the first answer is lost
//   tok_settle_late  charged, but pending for a while
//   anything else    refused: unknown_payment_method
//
// Latency and failures are those of every call, also of questions and refunds. Like a real provider
// it acts once for each reference and repeats its first answer; a ProviderLedger remembers what it
// did. Thread-safe if its environment and the ledger are.
#ifndef SCALEOUT_SERVICES_PAYMENT_SIMULATED_PROVIDER_H_
#define SCALEOUT_SERVICES_PAYMENT_SIMULATED_PROVIDER_H_

#include <chrono>
#include <functional>
#include <memory>

#include "common/clock.h"
#include "services/payment/payment_provider.h"
#include "services/payment/provider_ledger.h"

namespace scaleout::payment {

struct SimulatedProviderOptions {
  std::chrono::milliseconds latency{20};  // of every answer
  double failure_rate = 0;                // share of calls without an answer and an effect
  // How long a caller waits for an answer that does not come.
  std::chrono::milliseconds timeout{1000};
  // How long a charge of tok_settle_late is pending.
  std::chrono::milliseconds settle_delay{2000};
};

// The sources of waiting and of randomness, which tests replace.
struct SimulatedProviderEnvironment {
  std::function<void(Duration)> wait;
  std::function<double()> random;  // uniform in [0, 1)
};

// Waits and draws for real.
SimulatedProviderEnvironment MakeSimulatedProviderEnvironment();

// `ledger` and `clock` must outlive the provider.
std::unique_ptr<PaymentProvider> MakeSimulatedProvider(const SimulatedProviderOptions& options,
                                                       ProviderLedger& ledger, const Clock& clock,
                                                       SimulatedProviderEnvironment environment);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_SIMULATED_PROVIDER_H_
