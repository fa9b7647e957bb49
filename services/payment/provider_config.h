// The payment service's own settings: PROVIDER_*.
//
// The lease must be longer than a call can work on a payment: PROVIDER_TIMEOUT and the time for the
// record (kRecordLimit). The declaration checks that, so that the program does not start otherwise.
#ifndef SCALEOUT_SERVICES_PAYMENT_PROVIDER_CONFIG_H_
#define SCALEOUT_SERVICES_PAYMENT_PROVIDER_CONFIG_H_

#include <chrono>

#include "common/settings.h"
#include "services/payment/simulated_provider.h"

namespace scaleout::payment {

struct ProviderConfig {
  SimulatedProviderOptions provider;
  // How long a call may work on a payment before a repeated call takes it over.
  std::chrono::milliseconds lease{5000};
};

// Declares the settings, and checks the lease against the timeout.
void DeclareProviderSettings(Settings& settings, ProviderConfig& config);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PROVIDER_CONFIG_H_
