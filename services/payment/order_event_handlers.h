// What the payment service does when the order service says that an order is to be refunded: it
// writes a refund (refund_repository.h), which a sweeper drives.
//
// The row is written in the transaction in which the event is noted as handled
// (service/events/service_events.h). An event of an order that has no captured payment is an error,
// and becomes a dead letter: it cannot happen. Thread-safe if the repository is.
#ifndef SCALEOUT_SERVICES_PAYMENT_ORDER_EVENT_HANDLERS_H_
#define SCALEOUT_SERVICES_PAYMENT_ORDER_EVENT_HANDLERS_H_

#include <memory>
#include <vector>

#include "service/events/service_events.h"
#include "services/payment/refund_repository.h"

namespace scaleout::payment {

// The handlers share it, because they may run until the consumer's thread has ended.
std::vector<ConsumedEvent> OrderEventHandlers(std::shared_ptr<RefundRepository> refunds);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_ORDER_EVENT_HANDLERS_H_
