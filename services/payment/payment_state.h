// The life of a payment, as a table.
//
//   AUTHORIZED  --captured-->  CAPTURED  --refunded-->  REFUNDED
//   AUTHORIZED  --voided-->    VOIDED
//   AUTHORIZED  --declined-->  FAILED
//
// VOIDED, REFUNDED and FAILED are final. Every pair of state and event that is not shown is
// refused. Pure.
#ifndef SCALEOUT_SERVICES_PAYMENT_PAYMENT_STATE_H_
#define SCALEOUT_SERVICES_PAYMENT_PAYMENT_STATE_H_

#include <array>
#include <optional>
#include <string_view>

namespace scaleout::payment {

enum class PaymentState { kAuthorized, kCaptured, kVoided, kRefunded, kFailed };
enum class PaymentEvent { kCaptured, kDeclined, kVoided, kRefunded };

inline constexpr std::array kPaymentStates = {PaymentState::kAuthorized, PaymentState::kCaptured,
                                              PaymentState::kVoided, PaymentState::kRefunded,
                                              PaymentState::kFailed};
inline constexpr std::array kPaymentEvents = {PaymentEvent::kCaptured, PaymentEvent::kDeclined,
                                              PaymentEvent::kVoided, PaymentEvent::kRefunded};

// The state after `event`; nothing if the event is not allowed in `state`.
std::optional<PaymentState> NextState(PaymentState state, PaymentEvent event);

// "CAPTURED", as the table stores it, and back.
std::string_view PaymentStateName(PaymentState state);
std::optional<PaymentState> FindPaymentState(std::string_view name);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_STATE_H_
