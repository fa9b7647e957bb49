#include "services/order/payment_event_handlers.h"

#include <utility>

#include "absl/status/statusor.h"
#include "common/str_cat.h"
#include "proto/scaleout/rpc/v1/request_limits.h"
#include "scaleout/events/v1/events.pb.h"

namespace scaleout::order {
namespace {

using events::v1::Event;

absl::Status Malformed(const Event& event) {
  return absl::DataLossError(StrCat("the payload of ", event.type, " names no charge"));
}

// The part that all payloads have.
template <typename Message>
absl::StatusOr<Charge> ParseCharge(const Event& event, Message& message) {
  if (!events::v1::ParsePayload(event.payload, message).ok()) return Malformed(event);
  if (message.order_id() <= 0) return Malformed(event);
  const std::string& reservation = message.reservation_id();
  if (!reservation.empty() && !rpc::v1::IsUuid(reservation)) return Malformed(event);
  return Charge{OrderId(message.order_id()), reservation, std::nullopt};
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

EventEffect EffectOf(bool moved) { return moved ? EventEffect::kApplied : EventEffect::kNone; }

}  // namespace

std::vector<ConsumedEvent> PaymentEventHandlers(std::shared_ptr<ReservationRepository> reservations,
                                                std::shared_ptr<ChargeReports> reports) {
  using Parse = absl::StatusOr<Charge> (*)(const Event&);
  const auto settles = [&](Parse parse) -> EventHandler {
    return [reservations, reports, parse](PostgresSession& session,
                                          const Event& event) -> absl::StatusOr<EventEffect> {
      const absl::StatusOr<Charge> charge = parse(event);
      if (!charge.ok()) return charge.status();
      const absl::StatusOr<ChargeEffect> effect = reservations->Settle(session, *charge);
      if (!effect.ok()) return effect.status();
      reports->Add(event.type, *charge, *effect);
      return EffectOf(*effect == ChargeEffect::kMoved);
    };
  };
  const EventHandler refunded = [reservations](PostgresSession& session,
                                               const Event& event) -> absl::StatusOr<EventEffect> {
    events::v1::PaymentRefunded message;
    const absl::StatusOr<Charge> charge = ParseCharge(event, message);
    if (!charge.ok()) return charge.status();
    const absl::StatusOr<bool> moved =
        reservations->Refunded(session, charge->order_id, charge->reservation_id);
    if (!moved.ok()) return moved.status();
    return EffectOf(*moved);
  };
  return {{"payment.captured", settles(ParseCaptured)},
          {"payment.failed", settles(ParseFailed)},
          {"payment.refunded", refunded}};
}

}  // namespace scaleout::order
