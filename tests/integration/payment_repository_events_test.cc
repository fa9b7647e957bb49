// What the payment repository publishes, in the transactions of its changes.
#include <chrono>
#include <string>

#include "services/payment/payment_events.h"
#include "services/payment/payment_repository.h"
#include "services/payment/schema.h"
#include "tests/integration/pool_fixture.h"

namespace scaleout::payment {
namespace {

using namespace std::chrono_literals;
using scaleout::testing::CallFor;
using ::testing::HasSubstr;

const Outcome kCaptured = {PaymentState::kCaptured, "sim_1", ""};

class PaymentRepositoryEventsTest : public scaleout::testing::PoolFixture {
 protected:
  PaymentRepositoryEventsTest() {
    payment_.order_id = OrderId(3);
    payment_.user_id = UserId(7);
    payment_.amount = {1999, "EUR"};
    payment_.payment_method_token = "tok_success";
    payment_.idempotency_key = "key";
  }

  Attempt Begin(std::chrono::milliseconds lease = 1h) {
    const auto claim = payments_->Begin(call_, payment_, lease);
    EXPECT_TRUE(claim.ok()) << claim.status();
    return std::get<Attempt>(claim.value());
  }

  const CallContext call_ = CallFor();
  const std::unique_ptr<PostgresPool> pool_ = MakePool(Schema());
  Outbox outbox_{*pool_, PublishedStreams()};
  const std::unique_ptr<PaymentRepository> payments_ = MakePaymentRepository(*pool_, outbox_);
  NewPayment payment_;
};

TEST_F(PaymentRepositoryEventsTest, FinishedPaymentIsPublishedAsCapturedAndChanged) {
  const auto made = payments_->Finish(call_, Begin(), payment_, kCaptured);
  ASSERT_TRUE(made.ok()) << made.status();
  const std::string id = std::to_string(made->id.value());
  EXPECT_EQ(OutboxEvents(), "payment.captured " + id + ", payment.changed " + id);
  EXPECT_EQ(Ask("SELECT payload::json->>'paymentId' FROM outbox WHERE type = 'payment.captured'"),
            id);
}

TEST_F(PaymentRepositoryEventsTest, RefusedChargeIsPublishedAsFailedWithItsReason) {
  const auto made =
      payments_->Finish(call_, Begin(), payment_, {PaymentState::kFailed, "", "card_declined"});
  ASSERT_TRUE(made.ok()) << made.status();
  const std::string id = std::to_string(made->id.value());
  EXPECT_EQ(OutboxEvents(), "payment.failed " + id + ", payment.changed " + id);
  EXPECT_THAT(Ask("SELECT payload FROM outbox WHERE type = 'payment.failed'"),
              HasSubstr(R"("reason":"card_declined")"));
}

TEST_F(PaymentRepositoryEventsTest, CallThatLostItsLeasePublishesNothing) {
  const Attempt slow = Begin(0ms);
  const Attempt second = Begin();
  EXPECT_TRUE(absl::IsAborted(payments_->Finish(call_, slow, payment_, kCaptured).status()));
  EXPECT_EQ(OutboxEvents(), "");
  ASSERT_TRUE(payments_->Finish(call_, second, payment_, kCaptured).ok());
  const std::string once = OutboxEvents();
  EXPECT_TRUE(absl::IsAborted(payments_->Finish(call_, slow, payment_, kCaptured).status()));
  EXPECT_EQ(OutboxEvents(), once);
}

TEST_F(PaymentRepositoryEventsTest, RepeatedKeyPublishesNothing) {
  ASSERT_TRUE(payments_->Finish(call_, Begin(), payment_, kCaptured).ok());
  const std::string once = OutboxEvents();
  const auto again = payments_->Begin(call_, payment_, 1h);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(std::holds_alternative<Payment>(*again));
  EXPECT_EQ(OutboxEvents(), once);
}

TEST_F(PaymentRepositoryEventsTest, PaymentWhoseEventsCannotBeWrittenIsNotMade) {
  const Attempt attempt = Begin();
  Ask("ALTER TABLE outbox ADD CHECK (aggregate_id < 0)");
  EXPECT_FALSE(payments_->Finish(call_, attempt, payment_, kCaptured).ok());
  EXPECT_EQ(Ask("SELECT count(*) FROM payments"), "0");
}

TEST_F(PaymentRepositoryEventsTest, EventsCostOneStatement) {
  const Attempt attempt = Begin();
  Ask("SELECT pg_stat_statements_reset()");
  ASSERT_TRUE(payments_->Finish(call_, attempt, payment_, kCaptured).ok());
  EXPECT_EQ(Ask("SELECT sum(calls) FROM pg_stat_statements WHERE query ~ '^(INSERT|UPDATE)'"), "3");
  EXPECT_EQ(Ask("SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE 'INSERT INTO outbox%'"),
            "1");
}

TEST_F(PaymentRepositoryEventsTest, DemoDataIsLoadedWithoutEvents) {
  const auto seeded = MakePool(Schema(), true);
  EXPECT_EQ(OutboxEvents(), "");
}

}  // namespace
}  // namespace scaleout::payment
