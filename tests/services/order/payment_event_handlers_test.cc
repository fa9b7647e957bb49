#include "services/order/payment_event_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "tests/services/order/fake_orders.h"
#include "tests/support/fake_logger.h"

namespace scaleout::order {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kCapturedPayload = R"({"paymentId":"42","orderId":"5","userId":"7",)"
                                         R"("amount":{"amountMinor":"1999","currencyCode":"EUR"}})";
constexpr const char* kFailedPayload =
    R"({"paymentId":"42","orderId":"5","userId":"7","reason":"card_declined"})";

// Of a transaction that nothing is asked of.
class NoStatements final : public PostgresSession {
 private:
  absl::StatusOr<std::int64_t> Run(const PostgresStatement& statement, PostgresParams,
                                   PostgresRowReader) override {
    return absl::InternalError(std::string("a statement: ") + statement.name);
  }
};

class PaymentEventHandlersTest : public ::testing::Test {
 protected:
  absl::StatusOr<EventEffect> Handle(const std::string& type, const std::string& payload) {
    const auto found = std::ranges::find(handlers_, type, &ConsumedEvent::type);
    if (found == handlers_.end()) return absl::UnimplementedError(type);
    return found->handle(session_, {.id = "0f8fad5b-d9cb-469f-a165-70867728950e",
                                    .type = type,
                                    .aggregate_id = 42,
                                    .sequence = 1,
                                    .payload = payload});
  }

  NoStatements session_;
  testing::FakeLogger logger_;
  const std::shared_ptr<FakeOrders> orders_ = std::make_shared<FakeOrders>();
  const std::vector<ConsumedEvent> handlers_ = PaymentEventHandlers(orders_, logger_);
};

TEST_F(PaymentEventHandlersTest, CapturedPaymentIsAppliedToItsOrderWithItsAmount) {
  EXPECT_TRUE(Handle("payment.captured", kCapturedPayload).ok());
  ASSERT_THAT(orders_->charges, SizeIs(1));
  EXPECT_EQ(orders_->charges[0].order_id, OrderId(5));
  EXPECT_EQ(orders_->charges[0].user_id, UserId(7));
  EXPECT_EQ(orders_->charges[0].captured, (Money{1999, "EUR"}));
}

TEST_F(PaymentEventHandlersTest, FailedPaymentIsAppliedToItsOrderWithoutAnAmount) {
  EXPECT_TRUE(Handle("payment.failed", kFailedPayload).ok());
  ASSERT_THAT(orders_->charges, SizeIs(1));
  EXPECT_EQ(orders_->charges[0].order_id, OrderId(5));
  EXPECT_EQ(orders_->charges[0].user_id, UserId(7));
  EXPECT_EQ(orders_->charges[0].captured, std::nullopt);
}

TEST_F(PaymentEventHandlersTest, NoOtherEventOfAPaymentHasAnEffect) {
  EXPECT_THAT(handlers_, SizeIs(2));
}

TEST_F(PaymentEventHandlersTest, PayloadThatNamesNoChargeIsDataLossAndChangesNothing) {
  for (const char* type : {"payment.captured", "payment.failed"}) {
    for (const char* bad : {"", "no JSON", "{}", R"({"orderId":"5"})", R"({"userId":"7"})",
                            R"({"orderId":"0","userId":"7","amount":{}})",
                            R"({"orderId":"-5","userId":"7","amount":{}})",
                            R"({"orderId":"5","userId":"-7","amount":{}})"}) {
      EXPECT_TRUE(absl::IsDataLoss(Handle(type, bad).status())) << type << " " << bad;
    }
  }
  EXPECT_TRUE(absl::IsDataLoss(Handle("payment.captured", kFailedPayload).status()));
  EXPECT_THAT(orders_->charges, IsEmpty());
}

TEST_F(PaymentEventHandlersTest, MembersOfANewerPublisherArePassedOver) {
  EXPECT_TRUE(
      Handle("payment.failed", R"({"orderId":"5","userId":"7","reservation":{"id":"r"}})").ok());
  EXPECT_THAT(orders_->charges, SizeIs(1));
}

TEST_F(PaymentEventHandlersTest, ChargeThatChangesNothingIsHandledAndItsReasonLogged) {
  for (const ChargeEffect effect : {ChargeEffect::kNoSuchOrder, ChargeEffect::kOtherUser,
                                    ChargeEffect::kOtherAmount, ChargeEffect::kNotAllowed}) {
    orders_->charge_effect = effect;
    EXPECT_EQ(Handle("payment.captured", kCapturedPayload).value(), EventEffect::kNone);
    const auto line = logger_.Find("a charge changes no order");
    ASSERT_TRUE(line);
    EXPECT_EQ(line->level, LogLevel::kWarn);
    EXPECT_EQ(line->fields.at("effect"), ChargeEffectName(effect));
    EXPECT_EQ(line->fields.at("type"), "payment.captured");
    EXPECT_EQ(line->fields.at("eventId"), "0f8fad5b-d9cb-469f-a165-70867728950e");
    EXPECT_EQ(line->fields.at("paymentId"), "42");
    EXPECT_EQ(line->fields.at("orderId"), "5");
    EXPECT_EQ(line->fields.at("userId"), "7");
  }
}

TEST_F(PaymentEventHandlersTest, ChargeThatReachesItsOrderIsNoWarning) {
  for (const ChargeEffect effect : {ChargeEffect::kMoved, ChargeEffect::kUnchanged}) {
    orders_->charge_effect = effect;
    EXPECT_TRUE(Handle("payment.failed", kFailedPayload).ok());
  }
  for (const testing::LoggedLine& line : logger_.lines()) EXPECT_EQ(line.level, LogLevel::kDebug);
}

TEST_F(PaymentEventHandlersTest, FailureOfTheDatabaseIsAnsweredAsItIs) {
  orders_->failure = absl::UnavailableError("the database is away");
  EXPECT_EQ(Handle("payment.captured", kCapturedPayload).status(), orders_->failure);
  EXPECT_THAT(logger_.lines(), IsEmpty());
}

TEST_F(PaymentEventHandlersTest, HandlersOutliveTheirCallersRepository) {
  std::vector<ConsumedEvent> handlers;
  std::weak_ptr<FakeOrders> watched;
  {
    auto orders = std::make_shared<FakeOrders>();
    watched = orders;
    handlers = PaymentEventHandlers(std::move(orders), logger_);
  }
  EXPECT_FALSE(watched.expired());
  handlers.clear();
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace scaleout::order
