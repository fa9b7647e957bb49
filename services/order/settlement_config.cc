#include "services/order/settlement_config.h"

namespace scaleout::order {

using namespace std::chrono_literals;

void DeclareSettlementSettings(Settings& settings, SettlementConfig& config) {
  settings.Group("Payments");
  settings.String("ORDER_PAYMENT_TARGET", config.payment_target,
                  "the payment service, as gRPC names it");
  settings.Milliseconds("ORDER_SETTLE_AFTER", config.settle_after, 100ms, 1h,
                        "how long an order is RESERVED until the payment service is asked what "
                        "became of its payment");
}

}  // namespace scaleout::order
