#include "services/payment/payment_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "proto/scaleout/events/v1/event.h"
#include "scaleout/events/v1/events.pb.h"

namespace scaleout::payment {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

Payment In(PaymentState state) {
  Payment payment;
  payment.id = PaymentId(42);
  payment.reservation_id = "8f14e45f-ceea-467f-a0e6-0242ac120002";
  payment.order_id = OrderId(5);
  payment.user_id = UserId(7);
  payment.state = state;
  payment.amount = {1999, "EUR"};
  if (state == PaymentState::kFailed) payment.failure_reason = "card_declined";
  return payment;
}

std::vector<std::string> TypesOf(PaymentState state) {
  std::vector<std::string> types;
  for (const OutgoingEvent& event : EventsOf(In(state))) types.push_back(event.type);
  return types;
}

// The payload of the only event of that type.
template <typename Message>
Message Payload(PaymentState state, const std::string& type) {
  const std::vector<OutgoingEvent> events = EventsOf(In(state));
  Message message;
  const auto event = std::ranges::find(events, type, &OutgoingEvent::type);
  if (event == events.end()) {
    ADD_FAILURE() << "there is no " << type;
    return message;
  }
  EXPECT_EQ(event->aggregate_id, 42);
  EXPECT_TRUE(events::v1::ParsePayload(event->payload, message).ok()) << event->payload;
  EXPECT_EQ(message.payment_id(), 42);
  EXPECT_EQ(message.user_id(), 7);
  return message;
}

TEST(PaymentEvents, AreTheOutcomeOfTheStateAndThenTheChange) {
  EXPECT_THAT(TypesOf(PaymentState::kCaptured), ElementsAre("payment.captured", "payment.changed"));
  EXPECT_THAT(TypesOf(PaymentState::kFailed), ElementsAre("payment.failed", "payment.changed"));
  EXPECT_THAT(TypesOf(PaymentState::kRefunded), ElementsAre("payment.refunded", "payment.changed"));
}

TEST(PaymentEvents, OfAStateWithoutAnOutcomeAreTheChangeAlone) {
  EXPECT_THAT(TypesOf(PaymentState::kAuthorized), ElementsAre("payment.changed"));
  EXPECT_THAT(TypesOf(PaymentState::kVoided), ElementsAre("payment.changed"));
}

TEST(PaymentEvents, SayWhatWasCapturedForWhichOrder) {
  const auto captured =
      Payload<events::v1::PaymentCaptured>(PaymentState::kCaptured, "payment.captured");
  EXPECT_EQ(captured.order_id(), 5);
  EXPECT_EQ(captured.amount().amount_minor(), 1999);
  EXPECT_EQ(captured.amount().currency_code(), "EUR");
}

TEST(PaymentEvents, SayWhyAChargeFailed) {
  const auto failed = Payload<events::v1::PaymentFailed>(PaymentState::kFailed, "payment.failed");
  EXPECT_EQ(failed.order_id(), 5);
  EXPECT_EQ(failed.reason(), "card_declined");
}

TEST(PaymentEvents, SayWhatWasRefunded) {
  const auto refunded =
      Payload<events::v1::PaymentRefunded>(PaymentState::kRefunded, "payment.refunded");
  EXPECT_EQ(refunded.order_id(), 5);
  EXPECT_EQ(refunded.amount().amount_minor(), 1999);
  EXPECT_EQ(refunded.amount().currency_code(), "EUR");
}

TEST(PaymentEvents, SayWhosePaymentChanged) {
  for (const PaymentState state : kPaymentStates) {
    Payload<events::v1::PaymentChanged>(state, "payment.changed");
  }
}

TEST(PaymentEvents, AreAllDeclaredForTheOrderServiceAndTheGateways) {
  const std::vector<PublishedStream> streams = PublishedStreams();
  ASSERT_THAT(streams, SizeIs(1));
  EXPECT_EQ(streams[0].kind, "payment");
  EXPECT_THAT(streams[0].groups, ElementsAre("order-service", "api-gateway"));
  std::set<std::string> used;
  for (const PaymentState state : kPaymentStates) {
    for (const std::string& type : TypesOf(state)) used.insert(type);
  }
  EXPECT_EQ(std::set(streams[0].types.begin(), streams[0].types.end()), used);
  for (const std::string& type : used) EXPECT_EQ(events::v1::KindOf(type), "payment");
}

}  // namespace
}  // namespace scaleout::payment
