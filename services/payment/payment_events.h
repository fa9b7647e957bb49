// What the payment service publishes about its payments: payment.changed with every change, and
// before it the event of the state that the change has led to (payment.captured, payment.failed,
// payment.refunded). AUTHORIZED and VOIDED have none of their own.
//
// The order service acts on the outcomes; the gateways, which cache payments, on payment.changed.
// Pure functions. The demo data is loaded without events.
#ifndef SCALEOUT_SERVICES_PAYMENT_PAYMENT_EVENTS_H_
#define SCALEOUT_SERVICES_PAYMENT_PAYMENT_EVENTS_H_

#include <vector>

#include "service/events/outbox.h"
#include "services/payment/payment.h"

namespace scaleout::payment {

std::vector<PublishedStream> PublishedStreams();

// Of a change that has put the payment into the state that it is in.
std::vector<OutgoingEvent> EventsOf(const Payment& payment);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_EVENTS_H_
