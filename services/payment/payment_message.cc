#include "services/payment/payment_message.h"

#include "proto/scaleout/rpc/v1/message_json.h"
#include "service/wall_time.h"

namespace scaleout::payment {
namespace {

v1::PaymentStatus ToProto(PaymentState state) {
  switch (state) {
    case PaymentState::kAuthorized:
      return v1::PAYMENT_STATUS_AUTHORIZED;
    case PaymentState::kCaptured:
      return v1::PAYMENT_STATUS_CAPTURED;
    case PaymentState::kVoided:
      return v1::PAYMENT_STATUS_VOIDED;
    case PaymentState::kRefunded:
      return v1::PAYMENT_STATUS_REFUNDED;
    case PaymentState::kFailed:
      return v1::PAYMENT_STATUS_FAILED;
  }
  return v1::PAYMENT_STATUS_UNSPECIFIED;
}

}  // namespace

void ToProto(const Payment& payment, v1::Payment& message) {
  message.set_id(payment.id.value());
  message.set_reservation_id(payment.reservation_id);
  message.set_order_id(payment.order_id.value());
  message.set_user_id(payment.user_id.value());
  message.set_status(ToProto(payment.state));
  message.mutable_amount()->set_amount_minor(payment.amount.amount_minor);
  message.mutable_amount()->set_currency_code(payment.amount.currency);
  message.set_provider_reference(payment.provider_reference);
  message.set_failure_reason(payment.failure_reason);
  scaleout::ToProto(payment.created_at, *message.mutable_created_at());
  scaleout::ToProto(payment.updated_at, *message.mutable_updated_at());
}

std::string ToAnswer(const Payment& payment) {
  v1::CreatePaymentResponse response;
  ToProto(payment, *response.mutable_payment());
  return rpc::v1::ToJson(response);
}

absl::Status ParseAnswer(const std::string& json, v1::CreatePaymentResponse& response) {
  if (rpc::v1::ParseJson(json, response).ok()) return absl::OkStatus();
  return absl::InternalError("a stored answer cannot be read");
}

}  // namespace scaleout::payment
