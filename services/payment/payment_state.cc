#include "services/payment/payment_state.h"

namespace scaleout::payment {
namespace {

struct Transition {
  PaymentState from;
  PaymentEvent event;
  PaymentState to;
};

constexpr std::array kTransitions = {
    Transition{PaymentState::kAuthorized, PaymentEvent::kCaptured, PaymentState::kCaptured},
    Transition{PaymentState::kAuthorized, PaymentEvent::kDeclined, PaymentState::kFailed},
    Transition{PaymentState::kAuthorized, PaymentEvent::kVoided, PaymentState::kVoided},
    Transition{PaymentState::kCaptured, PaymentEvent::kRefunded, PaymentState::kRefunded},
};

}  // namespace

std::optional<PaymentState> NextState(PaymentState state, PaymentEvent event) {
  for (const Transition& transition : kTransitions) {
    if (transition.from == state && transition.event == event) return transition.to;
  }
  return std::nullopt;
}

std::string_view PaymentStateName(PaymentState state) {
  switch (state) {
    case PaymentState::kAuthorized:
      return "AUTHORIZED";
    case PaymentState::kCaptured:
      return "CAPTURED";
    case PaymentState::kVoided:
      return "VOIDED";
    case PaymentState::kRefunded:
      return "REFUNDED";
    case PaymentState::kFailed:
      return "FAILED";
  }
  return "";
}

std::optional<PaymentState> FindPaymentState(std::string_view name) {
  for (const PaymentState state : kPaymentStates) {
    if (PaymentStateName(state) == name) return state;
  }
  return std::nullopt;
}

}  // namespace scaleout::payment
