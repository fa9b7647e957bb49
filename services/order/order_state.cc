#include "services/order/order_state.h"

namespace scaleout::order {
namespace {

struct Transition {
  OrderState from;
  OrderEvent event;
  OrderState to;
};

using enum OrderState;

constexpr std::array kTransitions = {
    Transition{kPending, OrderEvent::kReserved, kReserved},
    Transition{kPaymentFailed, OrderEvent::kReserved, kReserved},
    Transition{kReserved, OrderEvent::kCharged, kPaid},
    Transition{kReserved, OrderEvent::kChargeRefused, kPaymentFailed},
    Transition{kPaid, OrderEvent::kDelivered, kFulfilled},
    Transition{kPending, OrderEvent::kCalledOff, kCancelled},
    Transition{kPaymentFailed, OrderEvent::kCalledOff, kCancelled},
    Transition{kPaid, OrderEvent::kCalledOff, kRefunding},
    Transition{kRefunding, OrderEvent::kCalledOff, kRefunding},
    Transition{kCancelled, OrderEvent::kCalledOff, kCancelled},
    Transition{kRefunding, OrderEvent::kRefunded, kCancelled},
};

}  // namespace

std::optional<OrderState> NextState(OrderState state, OrderEvent event) {
  for (const Transition& transition : kTransitions) {
    if (transition.from == state && transition.event == event) return transition.to;
  }
  return std::nullopt;
}

std::string_view OrderStateName(OrderState state) {
  switch (state) {
    case OrderState::kPending:
      return "PENDING";
    case OrderState::kReserved:
      return "RESERVED";
    case OrderState::kPaymentFailed:
      return "PAYMENT_FAILED";
    case OrderState::kPaid:
      return "PAID";
    case OrderState::kFulfilled:
      return "FULFILLED";
    case OrderState::kRefunding:
      return "REFUNDING";
    case OrderState::kCancelled:
      return "CANCELLED";
  }
  return "";
}

std::optional<OrderState> FindOrderState(std::string_view name) {
  for (const OrderState state : kOrderStates) {
    if (OrderStateName(state) == name) return state;
  }
  return std::nullopt;
}

}  // namespace scaleout::order
