// Payments as the contract's messages, and what is stored as a call's answer. Pure functions.
#ifndef SCALEOUT_SERVICES_PAYMENT_PAYMENT_MESSAGE_H_
#define SCALEOUT_SERVICES_PAYMENT_PAYMENT_MESSAGE_H_

#include <string>

#include "absl/status/status.h"
#include "scaleout/payment/v1/payment.pb.h"
#include "services/payment/payment.h"

namespace scaleout::payment {

void ToProto(const Payment& payment, v1::Payment& message);

// The CreatePaymentResponse as JSON, for this and later releases.
std::string ToAnswer(const Payment& payment);

// INTERNAL if it is not an answer.
absl::Status ParseAnswer(const std::string& json, v1::CreatePaymentResponse& response);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_MESSAGE_H_
