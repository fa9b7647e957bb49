#include "services/order/order_state.h"

namespace scaleout::order {
namespace {

struct Transition {
  OrderState from;
  OrderEvent event;
  OrderState to;
};

constexpr std::array kTransitions = {
    Transition{OrderState::kPending, OrderEvent::kCharged, OrderState::kPaid},
    Transition{OrderState::kPending, OrderEvent::kChargeRefused, OrderState::kPaymentFailed},
    Transition{OrderState::kPending, OrderEvent::kCalledOff, OrderState::kCancelled},
    Transition{OrderState::kPaid, OrderEvent::kDelivered, OrderState::kFulfilled},
    Transition{OrderState::kCancelled, OrderEvent::kCalledOff, OrderState::kCancelled},
    Transition{OrderState::kPaymentFailed, OrderEvent::kCharged, OrderState::kPaid},
    Transition{OrderState::kPaymentFailed, OrderEvent::kChargeRefused, OrderState::kPaymentFailed},
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
    case OrderState::kPaid:
      return "PAID";
    case OrderState::kFulfilled:
      return "FULFILLED";
    case OrderState::kCancelled:
      return "CANCELLED";
    case OrderState::kPaymentFailed:
      return "PAYMENT_FAILED";
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
