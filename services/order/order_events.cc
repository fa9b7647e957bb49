#include "services/order/order_events.h"

#include "proto/scaleout/events/v1/event.h"
#include "scaleout/events/v1/events.pb.h"

namespace scaleout::order {
namespace {

constexpr const char* kOrderChanged = "order.changed";
constexpr const char* kProductChanged = "product.changed";

}  // namespace

std::vector<PublishedStream> PublishedStreams() {
  return {{.kind = "order", .types = {kOrderChanged}, .groups = {"api-gateway"}},
          {.kind = "product", .types = {kProductChanged}, .groups = {"api-gateway"}}};
}

OutgoingEvent OrderChanged(OrderId id, UserId user_id) {
  events::v1::OrderChanged message;
  message.set_order_id(id.value());
  message.set_user_id(user_id.value());
  return {kOrderChanged, id.value(), events::v1::ToPayload(message)};
}

}  // namespace scaleout::order
