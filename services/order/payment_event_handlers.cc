#include "services/order/payment_event_handlers.h"

#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "common/str_cat.h"
#include "scaleout/events/v1/events.pb.h"

namespace scaleout::order {
namespace {

using events::v1::Event;

absl::Status Malformed(const Event& event) {
  return absl::DataLossError(StrCat("the payload of ", event.type, " names no charge"));
}

// The part that both payloads have.
template <typename Message>
absl::StatusOr<Charge> ParseCharge(const Event& event, Message& message) {
  if (!events::v1::ParsePayload(event.payload, message).ok()) return Malformed(event);
  if (message.order_id() <= 0 || message.user_id() <= 0) return Malformed(event);
  Charge charge;
  charge.order_id = OrderId(message.order_id());
  charge.user_id = UserId(message.user_id());
  return charge;
}

absl::StatusOr<Charge> ParseCaptured(const Event& event) {
  events::v1::PaymentCaptured message;
  absl::StatusOr<Charge> charge = ParseCharge(event, message);
  if (!charge.ok()) return charge;
  if (!message.has_amount()) return Malformed(event);
  charge->captured = Money{message.amount().amount_minor(), message.amount().currency_code()};
  return charge;
}

absl::StatusOr<Charge> ParseFailed(const Event& event) {
  events::v1::PaymentFailed message;
  return ParseCharge(event, message);
}

void Report(Logger& logger, const Event& event, const Charge& charge, ChargeEffect effect) {
  const bool fits = effect == ChargeEffect::kMoved || effect == ChargeEffect::kUnchanged;
  const LogLevel level = fits ? LogLevel::kDebug : LogLevel::kWarn;
  if (!logger.Enabled(level)) return;
  logger.Log(level, fits ? "a charge reached its order" : "a charge changes no order",
             {{"effect", ChargeEffectName(effect)},
              {"type", event.type},
              {"eventId", event.id},
              {"paymentId", event.aggregate_id},
              {"orderId", charge.order_id.value()},
              {"userId", charge.user_id.value()}});
}

}  // namespace

std::vector<ConsumedEvent> PaymentEventHandlers(std::shared_ptr<OrderRepository> orders,
                                                Logger& logger) {
  using Parse = absl::StatusOr<Charge> (*)(const Event&);
  const auto handler = [&](Parse parse) -> EventHandler {
    return [orders, &logger, parse](PostgresSession& session,
                                    const Event& event) -> absl::StatusOr<EventEffect> {
      const absl::StatusOr<Charge> charge = parse(event);
      if (!charge.ok()) return charge.status();
      const absl::StatusOr<ChargeEffect> effect = orders->ApplyCharge(session, *charge);
      if (!effect.ok()) return effect.status();
      Report(logger, event, *charge, *effect);
      return *effect == ChargeEffect::kMoved ? EventEffect::kApplied : EventEffect::kNone;
    };
  };
  return {{"payment.captured", handler(ParseCaptured)}, {"payment.failed", handler(ParseFailed)}};
}

}  // namespace scaleout::order
