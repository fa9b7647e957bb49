#include "services/payment/provider_config.h"

#include "common/str_cat.h"
#include "services/payment/payment_service.h"

namespace scaleout::payment {

using namespace std::chrono_literals;

void DeclareProviderSettings(Settings& settings, ProviderConfig& config) {
  settings.Group("Simulated payment provider");
  settings.Milliseconds("PROVIDER_LATENCY", config.provider.latency, 0ms, 60s,
                        "how long it takes to answer");
  settings.Double("PROVIDER_FAILURE_RATE", config.provider.failure_rate, 0, 1,
                  "how often it does not answer");
  settings.Milliseconds("PROVIDER_TIMEOUT", config.provider.timeout, 1ms, kMaxProviderTimeout,
                        "how long its answer is waited for");
  settings.Milliseconds("PROVIDER_SETTLE_DELAY", config.provider.settle_delay, 0ms, 10min,
                        "how long it has a charge of tok_settle_late pending");
  settings.Group("Charges");
  settings.Milliseconds("PROVIDER_LEASE", config.times.lease, 100ms, 10min,
                        "after a crash: when a repeated call may take a payment over");
  settings.Milliseconds("PROVIDER_SETTLE_AFTER", config.times.settle_after, 100ms, 10min,
                        "when the provider is asked what became of a payment whose outcome is "
                        "unknown, and from one such question, or refund, to the next at least");
  settings.Int("PROVIDER_THREADS", config.threads, 2, 64,
               "payments that wait for the provider at once; one payment method has half of them "
               "at most");
  settings.Int("PROVIDER_QUEUE", config.max_queued, 0, 10'000,
               "payments that wait for such a thread; more are refused");
  // Else a repeated call could take an attempt over while the first call still works on it. The
  // provider would still charge once, but one of the two calls would fail without need.
  const auto needed = config.provider.timeout + kRecordLimit;
  if (config.times.lease < needed) {
    settings.AddProblem(StrCat("PROVIDER_LEASE: must be at least ", needed.count(),
                               "ms, which is PROVIDER_TIMEOUT and the time to record its answer"));
  }
}

}  // namespace scaleout::payment
