// Payments as plain values: what the repository and the provider work with.
//
// Ids are distinct types, so that an order's id cannot be passed as a payment's. Amounts are
// integers in the currency's minor unit, times are UTC. The limits of the fields are those of the
// contract (proto/scaleout/payment/v1/payment_limits.h); the service checks them, these structs do
// not. No I/O.
#ifndef SCALEOUT_SERVICES_PAYMENT_PAYMENT_H_
#define SCALEOUT_SERVICES_PAYMENT_PAYMENT_H_

#include <cstdint>
#include <string>

#include "common/clock.h"
#include "service/typed_id.h"
#include "services/payment/payment_state.h"

namespace scaleout::payment {

using PaymentId = TypedId<struct PaymentIdTag>;
// Assigned by other services, which this service does not ask.
using OrderId = TypedId<struct OrderIdTag>;
using UserId = TypedId<struct UserIdTag>;

// In the currency's minor unit: 19.99 EUR is {1999, "EUR"}.
struct Money {
  std::int64_t amount_minor = 0;
  std::string currency;  // ISO 4217
};

// One charge: under way, approved or refused.
struct Payment {
  PaymentId id;
  std::string reservation_id;  // empty if it was made before there were reservations
  OrderId order_id;
  UserId user_id;
  PaymentState state = PaymentState::kAuthorized;
  Money amount;
  std::string provider_reference;  // empty while the provider has not approved the charge
  std::string failure_reason;      // empty unless kFailed
  WallTime created_at;
  WallTime updated_at;
};

// What is to be charged for a reservation of the order service.
struct NewPayment {
  std::string reservation_id;
  OrderId order_id;
  UserId user_id;
  Money amount;
  std::string payment_method_token;
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_H_
