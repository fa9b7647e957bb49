#include "services/order/payment_event_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "tests/services/order/fake_reservations.h"
#include "tests/support/fake_idempotent_writes.h"
#include "tests/support/fake_logger.h"

namespace scaleout::order {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr const char* kCapturedPayload =
    R"({"paymentId":"42","orderId":"5","userId":"7",)"
    R"("amount":{"amountMinor":"1999","currencyCode":"EUR"},)"
    R"("reservationId":"0f8fad5b-d9cb-469f-a165-70867728950e"})";
constexpr const char* kFailedPayload =
    R"({"paymentId":"42","orderId":"5","userId":"7","reason":"card_declined",)"
    R"("reservationId":"0f8fad5b-d9cb-469f-a165-70867728950e"})";

class PaymentEventHandlersTest : public ::testing::Test {
 protected:
  absl::StatusOr<EventEffect> Handle(const std::string& type, const std::string& payload) {
    const auto found = std::ranges::find(handlers_, type, &ConsumedEvent::type);
    if (found == handlers_.end()) return absl::UnimplementedError(type);
    return found->handle(session_, {.id = "7c9e6679-7425-40de-944b-e07fc1f90ae7",
                                    .type = type,
                                    .aggregate_id = 42,
                                    .sequence = 1,
                                    .payload = payload});
  }

  testing::NoSession session_;
  testing::FakeLogger logger_;
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  const std::shared_ptr<ChargeReports> reports_ =
      std::make_shared<ChargeReports>(logger_, *metrics_);
  const std::shared_ptr<FakeReservations> reservations_ = std::make_shared<FakeReservations>();
  const std::vector<ConsumedEvent> handlers_ = PaymentEventHandlers(reservations_, reports_);
};

TEST_F(PaymentEventHandlersTest, CapturedPaymentSettlesItsReservationWithItsAmount) {
  EXPECT_EQ(Handle("payment.captured", kCapturedPayload).value(), EventEffect::kApplied);
  ASSERT_THAT(reservations_->charges, SizeIs(1));
  EXPECT_EQ(reservations_->charges[0].order_id, OrderId(5));
  EXPECT_EQ(reservations_->charges[0].reservation_id, kReservationId);
  EXPECT_EQ(reservations_->charges[0].captured, (Money{1999, "EUR"}));
}

TEST_F(PaymentEventHandlersTest, FailedPaymentSettlesItsReservationWithoutAnAmount) {
  EXPECT_EQ(Handle("payment.failed", kFailedPayload).value(), EventEffect::kApplied);
  ASSERT_THAT(reservations_->charges, SizeIs(1));
  EXPECT_EQ(reservations_->charges[0].order_id, OrderId(5));
  EXPECT_EQ(reservations_->charges[0].reservation_id, kReservationId);
  EXPECT_EQ(reservations_->charges[0].captured, std::nullopt);
}

TEST_F(PaymentEventHandlersTest, RefundedPaymentEndsItsRefund) {
  EXPECT_EQ(Handle("payment.refunded", kCapturedPayload).value(), EventEffect::kApplied);
  EXPECT_THAT(reservations_->refunds, ElementsAre(Pair(OrderId(5), kReservationId)));
  reservations_->refund_moves = false;
  EXPECT_EQ(Handle("payment.refunded", kCapturedPayload).value(), EventEffect::kNone);
  EXPECT_THAT(reservations_->charges, IsEmpty());
}

TEST_F(PaymentEventHandlersTest, NoOtherEventOfAPaymentHasAnEffect) {
  EXPECT_THAT(handlers_, SizeIs(3));
}

TEST_F(PaymentEventHandlersTest, EventsFromBeforeThereWereReservationsNameNone) {
  const char* before = R"({"orderId":"5","userId":"7","amount":{"amountMinor":"1"}})";
  EXPECT_TRUE(Handle("payment.captured", before).ok());
  EXPECT_TRUE(Handle("payment.failed", before).ok());
  EXPECT_TRUE(Handle("payment.refunded", before).ok());
  ASSERT_THAT(reservations_->charges, SizeIs(2));
  for (const Charge& charge : reservations_->charges) EXPECT_EQ(charge.reservation_id, "");
  EXPECT_THAT(reservations_->refunds, ElementsAre(Pair(OrderId(5), "")));
}

TEST_F(PaymentEventHandlersTest, PayloadThatNamesNoChargeIsDataLossAndChangesNothing) {
  for (const char* type : {"payment.captured", "payment.failed", "payment.refunded"}) {
    for (
        const char* bad :
        {"", "no JSON", "{}", R"({"userId":"7"})", R"({"orderId":"0","amount":{}})",
         R"({"orderId":"-5","amount":{}})", R"({"orderId":"5","amount":{},"reservationId":"x"})",
         R"({"orderId":"5","amount":{},"reservationId":"0F8FAD5B-D9CB-469F-A165-70867728950E"})"}) {
      EXPECT_TRUE(absl::IsDataLoss(Handle(type, bad).status())) << type << " " << bad;
    }
  }
  EXPECT_TRUE(absl::IsDataLoss(Handle("payment.captured", kFailedPayload).status()));
  EXPECT_THAT(reservations_->charges, IsEmpty());
  EXPECT_THAT(reservations_->refunds, IsEmpty());
}

TEST_F(PaymentEventHandlersTest, MembersOfANewerPublisherArePassedOver) {
  EXPECT_TRUE(Handle("payment.failed", R"({"orderId":"5","attempt":{"id":"r"}})").ok());
  EXPECT_THAT(reservations_->charges, SizeIs(1));
}

TEST_F(PaymentEventHandlersTest, EffectOfAChargeIsReported) {
  for (const ChargeEffect effect : kChargeEffects) {
    reservations_->effect = effect;
    EXPECT_EQ(Handle("payment.captured", kCapturedPayload).value(),
              effect == ChargeEffect::kMoved ? EventEffect::kApplied : EventEffect::kNone);
    EXPECT_EQ(logger_.lines().back().fields.at("effect"), ChargeEffectName(effect));
    EXPECT_EQ(logger_.lines().back().fields.at("source"), "payment.captured");
  }
}

TEST_F(PaymentEventHandlersTest, FailureOfTheDatabaseIsAnsweredAsItIs) {
  reservations_->failure = absl::UnavailableError("the database is away");
  for (const char* type : {"payment.captured", "payment.failed", "payment.refunded"}) {
    EXPECT_EQ(Handle(type, kCapturedPayload).status(), reservations_->failure);
  }
  EXPECT_THAT(logger_.lines(), IsEmpty());
}

TEST_F(PaymentEventHandlersTest, HandlersOutliveTheirCallersRepository) {
  std::vector<ConsumedEvent> handlers;
  std::weak_ptr<FakeReservations> watched;
  {
    auto reservations = std::make_shared<FakeReservations>();
    watched = reservations;
    handlers = PaymentEventHandlers(std::move(reservations), reports_);
  }
  EXPECT_FALSE(watched.expired());
  handlers.clear();
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace scaleout::order
