// The payment service's own settings: PROVIDER_*.
//
// The lease must be longer than a call can work on a payment: PROVIDER_TIMEOUT and the time for the
// record (kRecordLimit). The declaration checks that, so that the program does not start otherwise.
// Where PostgreSQL takes longer for a commit, a repeated call may work beside the first one, which
// saves nothing and harms nothing (charge_repository.h).
// Calls that ask the provider have threads of their own, so that a slow one never keeps the reads
// of payments; one payment method has half of them at most.
#ifndef SCALEOUT_SERVICES_PAYMENT_PROVIDER_CONFIG_H_
#define SCALEOUT_SERVICES_PAYMENT_PROVIDER_CONFIG_H_

#include <algorithm>
#include <chrono>

#include "common/settings.h"
#include "services/payment/charge_repository.h"
#include "services/payment/simulated_provider.h"

namespace scaleout::payment {

struct ProviderConfig {
  SimulatedProviderOptions provider;
  ChargeTimes times{.lease = std::chrono::milliseconds(5000),
                    .settle_after = std::chrono::milliseconds(5000)};
  int threads = 32;
  int max_queued = 64;

  // For the charges. A sweeper's question is up to two of the provider's.
  ChargeTimes charge_times() const {
    ChargeTimes all = times;
    all.ask_again_after = std::max(times.settle_after, 2 * provider.timeout);
    return all;
  }
  // Of one payment method.
  int max_calls_per_token() const { return threads / 2; }
  // Of a sweeper. What a call has left undecided in the provider's time takes two questions, each
  // of which may take as long: with twice as many threads the sweeper is never slower than the
  // calls.
  int sweeper_threads() const { return 2 * threads; }
};

// Declares the settings, and checks the lease against the timeout.
void DeclareProviderSettings(Settings& settings, ProviderConfig& config);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PROVIDER_CONFIG_H_
