// What the order service publishes: order.changed when an order is created or its state moves, and
// product.changed when a product does, for the gateways, which cache both; order.refund_requested,
// for the payment service.
//
// Products have no RPC that writes: a trigger of the products' table adds product.changed, so that
// changes by hand are seen too (migrations/0005). Pure functions. The demo orders are loaded
// without events.
#ifndef SCALEOUT_SERVICES_ORDER_ORDER_EVENTS_H_
#define SCALEOUT_SERVICES_ORDER_ORDER_EVENTS_H_

#include <string>
#include <vector>

#include "service/events/outbox.h"
#include "services/order/order.h"

namespace scaleout::order {

std::vector<PublishedStream> PublishedStreams();

OutgoingEvent OrderChanged(OrderId id, UserId user_id);
// `reservation_id`: what the order was paid under; "" if under none.
OutgoingEvent OrderRefundRequested(OrderId id, UserId user_id, const std::string& reservation_id);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_ORDER_EVENTS_H_
