// The life of an order, as a table.
//
//   PENDING         --charged-->  PAID  --delivered-->  FULFILLED
//   PENDING         --charge refused-->  PAYMENT_FAILED  --charged-->  PAID
//   PENDING         --called off-->  CANCELLED
//
// FULFILLED and CANCELLED are final. Cancelling a CANCELLED order and refusing the charge of a
// PAYMENT_FAILED one are allowed and change nothing, so that both can be repeated. Every other pair
// of state and event is refused. Pure.
#ifndef SCALEOUT_SERVICES_ORDER_ORDER_STATE_H_
#define SCALEOUT_SERVICES_ORDER_ORDER_STATE_H_

#include <array>
#include <optional>
#include <string_view>

namespace scaleout::order {

enum class OrderState { kPending, kPaid, kFulfilled, kCancelled, kPaymentFailed };
enum class OrderEvent { kCharged, kChargeRefused, kDelivered, kCalledOff };

inline constexpr std::array kOrderStates = {OrderState::kPending, OrderState::kPaid,
                                            OrderState::kFulfilled, OrderState::kCancelled,
                                            OrderState::kPaymentFailed};
inline constexpr std::array kOrderEvents = {OrderEvent::kCharged, OrderEvent::kChargeRefused,
                                            OrderEvent::kDelivered, OrderEvent::kCalledOff};

// The state after `event`; nothing if the event is not allowed in `state`.
std::optional<OrderState> NextState(OrderState state, OrderEvent event);

// "PENDING", as the table stores it, and back.
std::string_view OrderStateName(OrderState state);
std::optional<OrderState> FindOrderState(std::string_view name);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_ORDER_STATE_H_
