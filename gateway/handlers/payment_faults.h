// The gateway's points at which the lab lets it die (common/fault_points.h): between each two steps
// of a payment, which it takes from the order service to the payment service and to the client.
#ifndef SCALEOUT_GATEWAY_HANDLERS_PAYMENT_FAULTS_H_
#define SCALEOUT_GATEWAY_HANDLERS_PAYMENT_FAULTS_H_

#include "common/fault_points.h"

namespace scaleout::gateway {

inline constexpr FaultPoint kAfterReserve{
    "after_reserve", "the order is reserved for a payment, the payment service not asked"};
inline constexpr FaultPoint kAfterCreate{
    "after_create", "the payment service has answered a payment, the client not answered"};

inline constexpr FaultPoint kPaymentFaultPoints[] = {kAfterReserve, kAfterCreate};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_PAYMENT_FAULTS_H_
