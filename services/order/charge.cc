#include "services/order/charge.h"

namespace scaleout::order {

std::string_view ChargeEffectName(ChargeEffect effect) {
  switch (effect) {
    case ChargeEffect::kMoved:
      return "moved";
    case ChargeEffect::kUnchanged:
      return "unchanged";
    case ChargeEffect::kNoSuchOrder:
      return "no_such_order";
    case ChargeEffect::kOtherUser:
      return "other_user";
    case ChargeEffect::kOtherAmount:
      return "other_amount";
    case ChargeEffect::kNotAllowed:
      return "not_allowed";
  }
  return "";
}

ChargeVerdict Judge(const Charge& charge, UserId user_id, OrderState state, const Money& total) {
  if (charge.user_id != user_id) return {ChargeEffect::kOtherUser, state};
  if (charge.captured && *charge.captured != total) return {ChargeEffect::kOtherAmount, state};
  const std::optional<OrderState> next =
      NextState(state, charge.captured ? OrderEvent::kCharged : OrderEvent::kChargeRefused);
  if (!next) return {ChargeEffect::kNotAllowed, state};
  return {*next == state ? ChargeEffect::kUnchanged : ChargeEffect::kMoved, *next};
}

}  // namespace scaleout::order
