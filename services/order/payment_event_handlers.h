// What the order service does when the payment service says that it has charged for an order, or
// that the provider has refused: the order becomes PAID or PAYMENT_FAILED (charge.h).
//
// The effect is written in the transaction in which the event is noted as handled
// (service/events/service_events.h). A report that fits no order is handled too: it changes
// nothing, and a warning names it. Thread-safe if the repository is.
#ifndef SCALEOUT_SERVICES_ORDER_PAYMENT_EVENT_HANDLERS_H_
#define SCALEOUT_SERVICES_ORDER_PAYMENT_EVENT_HANDLERS_H_

#include <memory>
#include <vector>

#include "common/log.h"
#include "service/events/service_events.h"
#include "services/order/order_repository.h"

namespace scaleout::order {

// The handlers share the repository, because they may run until the consumer's thread has ended.
// `logger` must outlive them.
std::vector<ConsumedEvent> PaymentEventHandlers(std::shared_ptr<OrderRepository> orders,
                                                Logger& logger);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_PAYMENT_EVENT_HANDLERS_H_
