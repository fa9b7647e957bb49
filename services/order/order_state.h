// The life of an order, as a table.
//
//   PENDING         --reserved-->        RESERVED  --charged-->  PAID  --delivered-->  FULFILLED
//   RESERVED        --charge refused-->  PAYMENT_FAILED  --reserved-->  RESERVED
//   PENDING, PAYMENT_FAILED  --called off-->  CANCELLED
//   PAID            --called off-->      REFUNDING  --refunded-->  CANCELLED
//
// FULFILLED and CANCELLED are final. Calling off a CANCELLED or REFUNDING order is allowed and
// changes nothing, so that it can be repeated. Every other pair of state and event is refused.
// Pure.
#ifndef SCALEOUT_SERVICES_ORDER_ORDER_STATE_H_
#define SCALEOUT_SERVICES_ORDER_ORDER_STATE_H_

#include <array>
#include <optional>
#include <string_view>

namespace scaleout::order {

enum class OrderState {
  kPending,
  kReserved,  // a charge is under way
  kPaymentFailed,
  kPaid,
  kFulfilled,
  kRefunding,
  kCancelled
};
enum class OrderEvent { kReserved, kCharged, kChargeRefused, kDelivered, kCalledOff, kRefunded };

inline constexpr std::array kOrderStates = {
    OrderState::kPending,   OrderState::kReserved,  OrderState::kPaymentFailed, OrderState::kPaid,
    OrderState::kFulfilled, OrderState::kRefunding, OrderState::kCancelled};
inline constexpr std::array kOrderEvents = {OrderEvent::kReserved,      OrderEvent::kCharged,
                                            OrderEvent::kChargeRefused, OrderEvent::kDelivered,
                                            OrderEvent::kCalledOff,     OrderEvent::kRefunded};

// The state after `event`; nothing if the event is not allowed in `state`.
std::optional<OrderState> NextState(OrderState state, OrderEvent event);

// "PENDING", as the table stores it, and back.
std::string_view OrderStateName(OrderState state);
std::optional<OrderState> FindOrderState(std::string_view name);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_ORDER_STATE_H_
