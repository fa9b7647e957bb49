// The payment service's own settings: PROVIDER_*.
#ifndef SCALEOUT_SERVICES_PAYMENT_PROVIDER_CONFIG_H_
#define SCALEOUT_SERVICES_PAYMENT_PROVIDER_CONFIG_H_

#include <chrono>

#include "common/settings.h"
#include "services/payment/simulated_provider.h"

namespace scaleout::payment {

struct ProviderConfig {
  SimulatedProviderOptions provider;
  // How long a call may work on a payment before a repetition may take it over; longer than the
  // provider takes.
  std::chrono::milliseconds lease{5000};
};

// Declares them, and checks that they go together.
void DeclareProviderSettings(Settings& settings, ProviderConfig& config);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PROVIDER_CONFIG_H_
