// What the order service asks the payment service: what has become of a reservation.
#ifndef SCALEOUT_SERVICES_ORDER_PAYMENT_SETTLEMENTS_H_
#define SCALEOUT_SERVICES_ORDER_PAYMENT_SETTLEMENTS_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "services/order/charge.h"
#include "services/order/reservation_repository.h"

namespace scaleout::order {

class PaymentSettlements {
 public:
  virtual ~PaymentSettlements() = default;

  // The final report; nothing while the provider has not answered finally. A reservation that the
  // payment service does not know is refused there from then on, and reported as a charge that took
  // nothing. Blocks, at most until the call's deadline.
  virtual absl::StatusOr<std::optional<Charge>> Settle(const CallContext& call,
                                                       const OverdueReservation& reservation) = 0;
};

// Over gRPC; `target` is the payment service's address, as gRPC names it.
std::unique_ptr<PaymentSettlements> MakePaymentSettlements(const std::string& target);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_PAYMENT_SETTLEMENTS_H_
