// Payments as plain values: what the repository and the provider speak. No I/O.
#ifndef SCALEOUT_SERVICES_PAYMENT_PAYMENT_H_
#define SCALEOUT_SERVICES_PAYMENT_PAYMENT_H_

#include <cstdint>
#include <string>

#include "common/clock.h"
#include "service/typed_id.h"
#include "services/payment/payment_state.h"

namespace scaleout::payment {

using PaymentId = TypedId<struct PaymentIdTag>;
// Assigned by other services; here only numbers to file payments under.
using OrderId = TypedId<struct OrderIdTag>;
using UserId = TypedId<struct UserIdTag>;

struct Money {
  std::int64_t amount_minor = 0;
  std::string currency;
};

struct Payment {
  PaymentId id;
  OrderId order_id;
  UserId user_id;
  PaymentState state = PaymentState::kAuthorized;
  Money amount;
  std::string provider_reference;  // empty if the provider never took the charge
  std::string failure_reason;      // empty unless kFailed
  WallTime created_at;
  WallTime updated_at;
};

struct NewPayment {
  OrderId order_id;
  UserId user_id;
  Money amount;
  std::string payment_method_token;
  std::string idempotency_key;
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_H_
