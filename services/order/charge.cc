#include "services/order/charge.h"

namespace scaleout::order {
namespace {

// As if the order had been reserved for it.
std::optional<OrderState> AfterUnreservedCharge(OrderState state, OrderEvent event) {
  const std::optional<OrderState> reserved = NextState(state, OrderEvent::kReserved);
  return reserved ? NextState(*reserved, event) : std::nullopt;
}

}  // namespace

std::string_view ChargeEffectName(ChargeEffect effect) {
  switch (effect) {
    case ChargeEffect::kMoved:
      return "moved";
    case ChargeEffect::kUnchanged:
      return "unchanged";
    case ChargeEffect::kIgnored:
      return "ignored";
    case ChargeEffect::kOrphaned:
      return "orphaned";
  }
  return "";
}

ChargeEffect JudgeWithoutOrder(const Charge& charge) {
  return charge.captured ? ChargeEffect::kOrphaned : ChargeEffect::kIgnored;
}

ChargeVerdict Judge(const Charge& charge, const ChargedOrder& order) {
  const ChargeVerdict misfit = {JudgeWithoutOrder(charge), order.state};
  if (charge.captured && *charge.captured != order.total) return misfit;
  const OrderEvent event = charge.captured ? OrderEvent::kCharged : OrderEvent::kChargeRefused;
  if (charge.reservation_id.empty()) {
    const std::optional<OrderState> next = AfterUnreservedCharge(order.state, event);
    if (!next) return misfit;
    const bool moves = *next != order.state;
    return {moves ? ChargeEffect::kMoved : ChargeEffect::kUnchanged, *next};
  }
  if (!order.reserved) return misfit;
  if (order.outcome) {
    const bool same =
        (*order.outcome == ReservationOutcome::kCaptured) == charge.captured.has_value();
    return same ? ChargeVerdict{ChargeEffect::kUnchanged, order.state} : misfit;
  }
  const std::optional<OrderState> next = NextState(order.state, event);
  return next ? ChargeVerdict{ChargeEffect::kMoved, *next} : misfit;
}

bool MustWait(const Charge& charge, const ChargedOrder& order) {
  return charge.captured && charge.reservation_id.empty() && order.state == OrderState::kReserved;
}

}  // namespace scaleout::order
