// The payment service's points at which the lab lets it die (common/fault_points.h): between each
// two steps of a charge, of one that a sweeper ends, and of a refund.
#ifndef SCALEOUT_SERVICES_PAYMENT_PAYMENT_FAULTS_H_
#define SCALEOUT_SERVICES_PAYMENT_PAYMENT_FAULTS_H_

#include "common/fault_points.h"
#include "service/events/event_faults.h"

namespace scaleout::payment {

inline constexpr FaultPoint kAfterAuthorizeCommit{
    "after_authorize_commit", "the payment is AUTHORIZED, the provider not asked"};
inline constexpr FaultPoint kAfterCharge{
    "after_charge", "the provider has charged or refused, which is not recorded"};
inline constexpr FaultPoint kAfterRecordCommit{
    "after_record_commit", "the provider's answer is recorded, the gateway not answered"};
inline constexpr FaultPoint kAfterTombstone{
    "after_tombstone", "a reservation without a charge has ended, the order service not answered"};
inline constexpr FaultPoint kAfterFind{
    "after_find", "sweeper: the provider has said what became of a charge, not recorded"};
inline constexpr FaultPoint kBeforeVoid{
    "before_void", "sweeper: the provider does not know a charge, which is not voided"};
inline constexpr FaultPoint kAfterVoid{"after_void",
                                       "sweeper: a charge is voided, which is not recorded"};
inline constexpr FaultPoint kAfterRefund{
    "after_refund", "sweeper: the provider has given money back, which is not recorded"};
inline constexpr FaultPoint kAfterRefundRecord{
    "after_refund_record", "sweeper: a refund is recorded, the order service not informed"};

// A refund is requested by an event, so the consumer's points are those of its row.
inline constexpr FaultPoint kFaultPoints[] = {
    kAfterAuthorizeCommit, kAfterCharge, kAfterRecordCommit,  kAfterTombstone,    kAfterFind,
    kBeforeVoid,           kAfterVoid,   kBeforeEffectCommit, kAfterEffectCommit, kAfterRefund,
    kAfterRefundRecord,    kAfterPublish};

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_FAULTS_H_
