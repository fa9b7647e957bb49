#include "services/payment/provider_config.h"

#include "common/str_cat.h"
#include "services/payment/payment_service.h"

namespace scaleout::payment {

using namespace std::chrono_literals;

ProviderConfig LoadProviderConfig(Environment& env) {
  ProviderConfig config;
  config.provider.latency = env.Milliseconds("PROVIDER_LATENCY", 20ms, 0ms, 60s);
  config.provider.failure_rate = env.Double("PROVIDER_FAILURE_RATE", 0, 0, 1);
  config.provider.timeout = env.Milliseconds("PROVIDER_TIMEOUT", 1s, 1ms, 60s);
  config.lease = env.Milliseconds("PROVIDER_LEASE", 5s, 100ms, 10min);
  // Else a repetition could take a payment over from a call that is still at work. It would charge
  // nobody twice, but one of the two would be told to try again for nothing.
  const auto needed = config.provider.timeout + kRecordLimit;
  if (config.lease < needed) {
    env.AddProblem(StrCat("PROVIDER_LEASE: must be at least ", needed.count(),
                          "ms, which is PROVIDER_TIMEOUT and the time to record its answer"));
  }
  return config;
}

std::vector<VariableHelp> ProviderVariables() {
  return {
      {"PROVIDER_LATENCY", "20ms", "how long the simulated provider takes to answer"},
      {"PROVIDER_FAILURE_RATE", "0", "0 to 1: how often it does not"},
      {"PROVIDER_TIMEOUT", "1s", "how long its answer is waited for"},
      {"PROVIDER_LEASE", "5s", "after a crash: when a repeated call may take a payment over"},
  };
}

}  // namespace scaleout::payment
