#include "services/payment/payment_events.h"

#include <optional>

#include "proto/scaleout/events/v1/event.h"
#include "scaleout/events/v1/events.pb.h"

namespace scaleout::payment {
namespace {

using events::v1::ToPayload;

constexpr const char* kCaptured = "payment.captured";
constexpr const char* kFailed = "payment.failed";
constexpr const char* kRefunded = "payment.refunded";
constexpr const char* kChanged = "payment.changed";

// The part that all outcomes have.
template <typename Message>
Message Outcome(const Payment& payment) {
  Message message;
  message.set_payment_id(payment.id.value());
  message.set_order_id(payment.order_id.value());
  message.set_user_id(payment.user_id.value());
  message.set_reservation_id(payment.reservation_id);
  return message;
}

template <typename Message>
std::string WithAmount(const Payment& payment) {
  auto message = Outcome<Message>(payment);
  message.mutable_amount()->set_amount_minor(payment.amount.amount_minor);
  message.mutable_amount()->set_currency_code(payment.amount.currency);
  return ToPayload(message);
}

std::string Failure(const Payment& payment) {
  auto message = Outcome<events::v1::PaymentFailed>(payment);
  message.set_reason(payment.failure_reason);
  return ToPayload(message);
}

std::string Change(const Payment& payment) {
  events::v1::PaymentChanged message;
  message.set_payment_id(payment.id.value());
  message.set_user_id(payment.user_id.value());
  return ToPayload(message);
}

std::optional<OutgoingEvent> FindOutcome(const Payment& payment) {
  const std::int64_t id = payment.id.value();
  switch (payment.state) {
    case PaymentState::kCaptured:
      return OutgoingEvent{kCaptured, id, WithAmount<events::v1::PaymentCaptured>(payment)};
    case PaymentState::kFailed:
      return OutgoingEvent{kFailed, id, Failure(payment)};
    case PaymentState::kRefunded:
      return OutgoingEvent{kRefunded, id, WithAmount<events::v1::PaymentRefunded>(payment)};
    case PaymentState::kAuthorized:
    case PaymentState::kVoided:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::vector<PublishedStream> PublishedStreams() {
  return {{.kind = "payment",
           .types = {kCaptured, kFailed, kRefunded, kChanged},
           .groups = {"order-service", "api-gateway"}}};
}

std::vector<OutgoingEvent> EventsOf(const Payment& payment) {
  std::vector<OutgoingEvent> events;
  if (std::optional<OutgoingEvent> outcome = FindOutcome(payment)) {
    events.push_back(*std::move(outcome));
  }
  events.push_back({kChanged, payment.id.value(), Change(payment)});
  return events;
}

}  // namespace scaleout::payment
