#include "services/order/order_events.h"

#include "proto/scaleout/events/v1/event.h"
#include "scaleout/events/v1/events.pb.h"

namespace scaleout::order {
namespace {

constexpr const char* kOrderChanged = "order.changed";
constexpr const char* kRefundRequested = "order.refund_requested";
constexpr const char* kProductChanged = "product.changed";

}  // namespace

std::vector<PublishedStream> PublishedStreams() {
  return {{.kind = "order",
           .types = {kOrderChanged, kRefundRequested},
           .groups = {"api-gateway", "payment-service"}},
          {.kind = "product", .types = {kProductChanged}, .groups = {"api-gateway"}}};
}

OutgoingEvent OrderChanged(OrderId id, UserId user_id) {
  events::v1::OrderChanged message;
  message.set_order_id(id.value());
  message.set_user_id(user_id.value());
  return {kOrderChanged, id.value(), events::v1::ToPayload(message)};
}

OutgoingEvent OrderRefundRequested(OrderId id, UserId user_id, const std::string& reservation_id) {
  events::v1::OrderRefundRequested message;
  message.set_order_id(id.value());
  message.set_user_id(user_id.value());
  message.set_reservation_id(reservation_id);
  return {kRefundRequested, id.value(), events::v1::ToPayload(message)};
}

}  // namespace scaleout::order
