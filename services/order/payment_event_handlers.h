// What the order service does when the payment service says what has become of a charge, or that a
// payment was given back: the order becomes PAID or PAYMENT_FAILED (charge.h), or CANCELLED.
//
// The effect is written in the transaction in which the event is noted as handled
// (service/events/service_events.h). An event that fits no reservation is handled too and changes
// nothing; money that was taken without one is counted and logged (charge_reports.h). Thread-safe
// if the repository is.
#ifndef SCALEOUT_SERVICES_ORDER_PAYMENT_EVENT_HANDLERS_H_
#define SCALEOUT_SERVICES_ORDER_PAYMENT_EVENT_HANDLERS_H_

#include <memory>
#include <vector>

#include "service/events/service_events.h"
#include "services/order/charge_reports.h"
#include "services/order/reservation_repository.h"

namespace scaleout::order {

// The handlers share both, because they may run until the consumer's thread has ended.
std::vector<ConsumedEvent> PaymentEventHandlers(std::shared_ptr<ReservationRepository> reservations,
                                                std::shared_ptr<ChargeReports> reports);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_PAYMENT_EVENT_HANDLERS_H_
