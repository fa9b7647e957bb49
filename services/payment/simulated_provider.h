// A payment provider that behaves like a real one's test mode: latency, failures, and tokens that
// choose the outcome.
//
//   tok_success     charged
//   tok_decline     refused: card_declined
//   tok_timeout     no answer, nothing charged, however often it is asked
//   tok_lost_reply  charged, but the first answer is lost
//   anything else   refused: unknown_payment_method
//
// Like a real one it charges once for each reference and repeats its first answer; its books are a
// ProviderLedger. Thread-safe if the pause, the dice and the ledger are.
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
  double failure_rate = 0;                // 0 to 1: how often it is down, nothing charged
  std::chrono::milliseconds timeout{
      1000};  // how long a caller waits for an answer that does not come
};

// Where chance and the passing of time come from.
struct SimulatedProviderWorld {
  std::function<void(Duration)> pause;
  std::function<double()> dice;  // in [0, 1)
};

// The real thing.
SimulatedProviderWorld MakeSimulatedProviderWorld();

// `ledger` and `clock` must outlive the provider.
std::unique_ptr<PaymentProvider> MakeSimulatedProvider(const SimulatedProviderOptions& options,
                                                       ProviderLedger& ledger, const Clock& clock,
                                                       SimulatedProviderWorld world);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_SIMULATED_PROVIDER_H_
