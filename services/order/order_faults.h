// The order service's points at which the lab lets it die (common/fault_points.h): between each two
// steps of a payment and of a refund that it takes part in.
#ifndef SCALEOUT_SERVICES_ORDER_ORDER_FAULTS_H_
#define SCALEOUT_SERVICES_ORDER_ORDER_FAULTS_H_

#include "common/fault_points.h"
#include "service/events/event_faults.h"

namespace scaleout::order {

inline constexpr FaultPoint kAfterReservationCommit{
    "after_reservation_commit", "an order is reserved for a payment, the gateway not answered"};
inline constexpr FaultPoint kAfterRefundRequestCommit{
    "after_refund_request_commit", "a refund is requested, the gateway not answered"};
inline constexpr FaultPoint kBeforeSettleCall{
    "before_settle_call", "sweeper: a reservation is taken, the payment service not asked"};
inline constexpr FaultPoint kAfterSettleCall{
    "after_settle_call", "sweeper: the payment service has said what became of it, not recorded"};

inline constexpr FaultPoint kFaultPoints[] = {
    kAfterReservationCommit, kBeforeEffectCommit, kAfterEffectCommit, kAfterRefundRequestCommit,
    kBeforeSettleCall,       kAfterSettleCall,    kAfterPublish};

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_ORDER_FAULTS_H_
