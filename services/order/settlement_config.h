// The order service's own settings: ORDER_*.
#ifndef SCALEOUT_SERVICES_ORDER_SETTLEMENT_CONFIG_H_
#define SCALEOUT_SERVICES_ORDER_SETTLEMENT_CONFIG_H_

#include <chrono>
#include <string>

#include "common/settings.h"

namespace scaleout::order {

struct SettlementConfig {
  // The payment service, as gRPC names it.
  std::string payment_target = "dns:///localhost:50053";
  // How long a reservation waits for its event until the payment service is asked.
  std::chrono::milliseconds settle_after{60'000};
};

void DeclareSettlementSettings(Settings& settings, SettlementConfig& config);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_SETTLEMENT_CONFIG_H_
