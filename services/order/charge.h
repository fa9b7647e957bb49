// What the payment service reports of a charge, and what that does to the order.
//
// A report names the reservation that was charged for, and ends it. One that comes again, or names
// a reservation that has ended as the report says, changes nothing. Money that was taken without a
// reservation that waits for it is an orphaned capture: it cannot happen, and is counted, because
// it would have to be given back by hand. Pure.
#ifndef SCALEOUT_SERVICES_ORDER_CHARGE_H_
#define SCALEOUT_SERVICES_ORDER_CHARGE_H_

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "services/order/order.h"
#include "services/order/reservation.h"

namespace scaleout::order {

struct Charge {
  OrderId order_id;
  // Empty in reports by a payment service of the release before reservations.
  std::string reservation_id;
  // None: nothing was taken, and nothing will be.
  std::optional<Money> captured;
};

// What became of the order.
enum class ChargeEffect {
  kMoved,
  kUnchanged,  // it was as the report says already
  kIgnored,    // nothing was taken, and no reservation waits for it
  kOrphaned    // money was taken for which no reservation waits
};

inline constexpr std::array kChargeEffects = {ChargeEffect::kMoved, ChargeEffect::kUnchanged,
                                              ChargeEffect::kIgnored, ChargeEffect::kOrphaned};

// "moved", "orphaned": for a log.
std::string_view ChargeEffectName(ChargeEffect effect);

// The order that a charge names, and its reservation of the charge's id, if there are such.
struct ChargedOrder {
  OrderState state = OrderState::kPending;
  Money total;
  bool reserved = false;
  std::optional<ReservationOutcome> outcome;  // of the reservation, if it has ended
};

struct ChargeVerdict {
  ChargeEffect effect = ChargeEffect::kUnchanged;
  OrderState next = OrderState::kPending;  // the order's state afterwards
};

ChargeVerdict Judge(const Charge& charge, const ChargedOrder& order);

// Whether the charge for which the order is reserved has to be decided before: the report is of a
// payment service of the release before reservations, and the client has come again meanwhile. The
// payment service refuses the second charge, which ends the reservation.
bool MustWait(const Charge& charge, const ChargedOrder& order);

// Of a charge that names no order there is.
ChargeEffect JudgeWithoutOrder(const Charge& charge);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_CHARGE_H_
