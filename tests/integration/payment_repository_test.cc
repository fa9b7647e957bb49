#include "services/payment/payment_repository.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "common/status.h"
#include "services/order/schema.h"
#include "services/payment/payment_events.h"
#include "services/payment/payment_service.h"
#include "services/payment/provider_ledger.h"
#include "services/payment/schema.h"
#include "services/payment/simulated_provider.h"
#include "tests/integration/pool_fixture.h"
#include "tests/support/principals.h"

namespace scaleout::payment {
namespace {

using namespace std::chrono_literals;
using scaleout::testing::CallFor;
using scaleout::testing::Eventually;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::chrono::milliseconds kLease = 1h;
const Outcome kCaptured = {PaymentState::kCaptured, "sim_1", ""};

NewPayment Wanted(const std::string& key, std::int64_t user_id = 7, std::int64_t order_id = 3) {
  NewPayment payment;
  payment.order_id = OrderId(order_id);
  payment.user_id = UserId(user_id);
  payment.amount = {1999, "EUR"};
  payment.payment_method_token = "tok_success";
  payment.idempotency_key = key;
  return payment;
}

class PaymentRepositoryTest : public scaleout::testing::PoolFixture {
 protected:
  Attempt Begin(const NewPayment& payment, std::chrono::milliseconds lease = kLease) {
    const auto claim = payments_->Begin(call_, payment, lease);
    EXPECT_TRUE(claim.ok()) << claim.status();
    return std::get<Attempt>(claim.value());
  }

  Payment Make(const NewPayment& payment, const std::string& reference) {
    const auto made =
        payments_->Finish(call_, Begin(payment), payment, {PaymentState::kCaptured, reference, ""});
    EXPECT_TRUE(made.ok()) << made.status();
    return made.value();
  }

  const CallContext call_ = CallFor();
  const std::unique_ptr<PostgresPool> pool_ = MakePool(Schema());
  Outbox outbox_{*pool_, PublishedStreams()};
  const std::unique_ptr<PaymentRepository> payments_ = MakePaymentRepository(*pool_, outbox_);
};

TEST_F(PaymentRepositoryTest, ReadsBackWhatItFinished) {
  const Payment made = Make(Wanted("key"), "sim_1");
  const auto read = payments_->Get(call_, made.id, Owner::Anyone());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->order_id, OrderId(3));
  EXPECT_EQ(read->user_id, UserId(7));
  EXPECT_EQ(read->state, PaymentState::kCaptured);
  EXPECT_EQ(read->amount.amount_minor, 1999);
  EXPECT_EQ(read->provider_reference, "sim_1");
  EXPECT_EQ(read->failure_reason, "");
  EXPECT_TRUE(absl::IsNotFound(payments_->Get(call_, PaymentId(4711), Owner::Anyone()).status()));
}

TEST_F(PaymentRepositoryTest, PaymentInAStateThatTheProgramDoesNotKnowIsInternal) {
  const Payment made = Make(Wanted("key"), "sim_1");
  Ask("ALTER TABLE payments DROP CONSTRAINT payments_state_check");
  Ask("UPDATE payments SET state = 'LOST'");
  const auto read = payments_->Get(call_, made.id, Owner::Anyone());
  EXPECT_TRUE(absl::IsInternal(read.status())) << read.status();
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("column state of get_payment"));
  const auto again = payments_->Begin(call_, Wanted("key"), kLease);
  EXPECT_TRUE(absl::IsInternal(again.status())) << again.status();
}

TEST_F(PaymentRepositoryTest, LeaseThatCannotBeReadIsInternal) {
  Ask("ALTER TABLE payment_attempts ALTER COLUMN charge_reference DROP NOT NULL,"
      " ALTER COLUMN charge_reference DROP DEFAULT");
  const auto claim = payments_->Begin(call_, Wanted("key"), kLease);
  EXPECT_TRUE(absl::IsInternal(claim.status())) << claim.status();
  EXPECT_THAT(std::string(claim.status().message()),
              HasSubstr("column charge_reference of begin_attempt"));
}

TEST_F(PaymentRepositoryTest, AnswersTheFinishedPaymentToARepeatedKey) {
  const Payment made = Make(Wanted("key"), "sim_1");
  const auto again = payments_->Begin(call_, Wanted("key"), kLease);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(std::get<Payment>(*again).id, made.id);
  // Another user's key is another key.
  EXPECT_TRUE(
      std::holds_alternative<Attempt>(payments_->Begin(call_, Wanted("key", 8), kLease).value()));
}

TEST_F(PaymentRepositoryTest, RefusesAKeyThatWasUsedForAnotherPayment) {
  std::vector<NewPayment> others(4, Wanted("key"));
  others[0].order_id = OrderId(4);
  others[1].amount.amount_minor = 2000;
  others[2].amount.currency = "USD";
  others[3].payment_method_token = "tok_decline";
  const auto expect_all_refused = [&] {
    for (const NewPayment& other : others) {
      const auto reused = payments_->Begin(call_, other, kLease);
      EXPECT_TRUE(absl::IsFailedPrecondition(reused.status())) << reused.status();
      EXPECT_EQ(ReasonOf(reused.status()), "IDEMPOTENCY_KEY_REUSED");
    }
  };
  // While an attempt runs, when its lease is over, and when it is finished.
  const Attempt running = Begin(Wanted("key"));
  expect_all_refused();
  ASSERT_TRUE(payments_->Release(call_, running).ok());
  expect_all_refused();
  Make(Wanted("key"), "sim_1");
  expect_all_refused();
  EXPECT_EQ(Ask("SELECT count(*) FROM payment_attempts"), "1");
}

TEST_F(PaymentRepositoryTest, DoesNotTakeAFinishedAttemptOverWhenItsLeaseIsOver) {
  const NewPayment payment = Wanted("key");
  const auto made = payments_->Finish(call_, Begin(payment, 0ms), payment, kCaptured);
  ASSERT_TRUE(made.ok()) << made.status();
  const auto again = payments_->Begin(call_, payment, kLease);
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_TRUE(std::holds_alternative<Payment>(*again));
  EXPECT_EQ(std::get<Payment>(*again).id, made->id);
}

TEST_F(PaymentRepositoryTest, LetsOneOfConcurrentCallsWithOneKeyBegin) {
  const std::function<absl::StatusOr<Claim>()> begin = [this] {
    return payments_->Begin(call_, Wanted("key"), kLease);
  };
  int begun = 0;
  for (const auto& claim : RunBehindLock("LOCK TABLE payment_attempts IN SHARE MODE",
                                         std::vector(kRacingCalls, begin))) {
    if (claim.ok()) {
      ++begun;
      continue;
    }
    EXPECT_TRUE(absl::IsAborted(claim.status())) << claim.status();
    EXPECT_EQ(ReasonOf(claim.status()), "IDEMPOTENCY_KEY_IN_PROGRESS");
    const int retry_after_ms = std::stoi(MetadataOf(claim.status())["retryAfterMs"]);
    EXPECT_GT(retry_after_ms, 0);
    EXPECT_LE(retry_after_ms, kLease.count());
  }
  EXPECT_EQ(begun, 1);
}

TEST_F(PaymentRepositoryTest, LetsARepeatedCallTakeOverWhenTheLeaseIsOver) {
  const NewPayment payment = Wanted("key");
  const Attempt slow = Begin(payment, 0ms);
  const Attempt second = Begin(payment, kLease);
  EXPECT_EQ(second.charge_reference, slow.charge_reference);
  EXPECT_NE(second.lease_token, slow.lease_token);
  // The first call was only slow: it must not write.
  const auto late = payments_->Finish(call_, slow, payment, kCaptured);
  EXPECT_TRUE(absl::IsAborted(late.status())) << late.status();
  EXPECT_EQ(Ask("SELECT count(*) FROM payments"), "0");
  EXPECT_TRUE(payments_->Finish(call_, second, payment, kCaptured).ok());
  // Nor when the second has finished.
  EXPECT_TRUE(absl::IsAborted(payments_->Finish(call_, slow, payment, kCaptured).status()));
  EXPECT_EQ(Ask("SELECT count(*) FROM payments"), "1");
}

TEST_F(PaymentRepositoryTest, LetsARepeatedCallBeginAtOnceAfterARelease) {
  const Attempt first = Begin(Wanted("key"));
  EXPECT_TRUE(payments_->Release(call_, first).ok());
  EXPECT_EQ(Begin(Wanted("key")).charge_reference, first.charge_reference);
  // The first call's lease token is no longer valid: its release has no effect.
  EXPECT_TRUE(payments_->Release(call_, first).ok());
  EXPECT_TRUE(absl::IsAborted(payments_->Begin(call_, Wanted("key"), kLease).status()));
}

TEST_F(PaymentRepositoryTest, ListsNewestFirstByUserAndOrder) {
  const PaymentId a = Make(Wanted("a", 7, 3), "1").id;
  const PaymentId b = Make(Wanted("b", 8, 3), "2").id;
  const PaymentId c = Make(Wanted("c", 7, 4), "3").id;
  const auto ids = [&](PaymentFilter filter, std::optional<PaymentId> before) {
    std::vector<PaymentId> result;
    const auto payments = payments_->List(call_, filter, before, 10);
    EXPECT_TRUE(payments.ok()) << payments.status();
    for (const Payment& payment : *payments) result.push_back(payment.id);
    return result;
  };
  EXPECT_THAT(ids({}, std::nullopt), ElementsAre(c, b, a));
  EXPECT_THAT(ids({}, c), ElementsAre(b, a));
  EXPECT_THAT(ids({UserId(7), std::nullopt}, std::nullopt), ElementsAre(c, a));
  EXPECT_THAT(ids({std::nullopt, OrderId(3)}, std::nullopt), ElementsAre(b, a));
  EXPECT_THAT(ids({UserId(7), OrderId(3)}, std::nullopt), ElementsAre(a));
}

TEST_F(PaymentRepositoryTest, ListsThePaymentsOfManyUsersWithOneStatement) {
  Make(Wanted("a", 7), "1");
  const PaymentId b = Make(Wanted("b", 7), "2").id;
  const PaymentId c = Make(Wanted("c", 7), "3").id;
  const PaymentId d = Make(Wanted("d", 8), "4").id;
  Ask("SELECT pg_stat_statements_reset()");
  const auto payments = payments_->ListOfUsers(call_, {UserId(8), UserId(9), UserId(7)}, 2);
  ASSERT_TRUE(payments.ok()) << payments.status();
  std::vector<PaymentId> ids;
  for (const Payment& payment : *payments) ids.push_back(payment.id);
  EXPECT_THAT(ids, ElementsAre(d, c, b));
  EXPECT_EQ(Ask("SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE '%FROM payments%'"),
            "1");
}

TEST_F(PaymentRepositoryTest, FindsAPaymentOnlyForItsOwner) {
  const PaymentId id = Make(Wanted("a", 7), "1").id;
  EXPECT_TRUE(payments_->Get(call_, id, Owner::User(7)).ok());
  const absl::Status foreign = payments_->Get(call_, id, Owner::User(8)).status();
  EXPECT_EQ(foreign, NoSuchPayment(id));
}

TEST_F(PaymentRepositoryTest, FindsManyPaymentsWithOneStatement) {
  const PaymentId a = Make(Wanted("a", 7), "1").id;
  Make(Wanted("b", 7), "2");
  const PaymentId c = Make(Wanted("c", 8), "3").id;
  Ask("SELECT pg_stat_statements_reset()");
  const auto found = payments_->FindMany(call_, {{c, Owner::Anyone()},
                                                 {PaymentId(4711), Owner::Anyone()},
                                                 {a, Owner::User(7)},
                                                 {a, Owner::User(8)},
                                                 {a, Owner::Anyone()}});
  ASSERT_TRUE(found.ok()) << found.status();
  std::vector<std::optional<PaymentId>> ids;
  for (const std::optional<Payment>& payment : *found) {
    ids.push_back(payment ? std::optional(payment->id) : std::nullopt);
  }
  EXPECT_THAT(ids, ElementsAre(c, std::nullopt, a, std::nullopt, a));
  EXPECT_EQ((*found)[0]->user_id, UserId(8));
  EXPECT_EQ(Ask("SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE '%FROM payments%'"),
            "1");
}

// The service over the real tables and the simulated provider, as its clients use it.
class PaymentFlowTest : public PaymentRepositoryTest {
 protected:
  PaymentFlowTest() {
    request_.set_order_id(3);
    request_.set_user_id(7);
    request_.mutable_amount()->set_amount_minor(1999);
    request_.mutable_amount()->set_currency_code("EUR");
    request_.set_payment_method_token("tok_success");
    request_.set_idempotency_key("key");
    provider_options_.latency = 0ms;
    provider_options_.timeout = 50ms;
  }

  absl::StatusOr<v1::CreatePaymentResponse> Create() {
    const auto provider = MakeSimulatedProvider(provider_options_, *ledger_, SystemClock(),
                                                MakeSimulatedProviderEnvironment());
    PaymentService service(*payments_, *provider, kLease, SystemClock());
    v1::CreatePaymentResponse response;
    if (absl::Status status = service.CreatePayment(call_, testing::ByLab(request_), response);
        !status.ok()) {
      return status;
    }
    return response;
  }

  SimulatedProviderOptions provider_options_;
  const std::unique_ptr<ProviderLedger> ledger_ = MakeProviderLedger(*pool_);
  v1::CreatePaymentRequest request_;
};

TEST_F(PaymentFlowTest, ChargesOnceWhenTheProvidersAnswerIsLost) {
  request_.set_payment_method_token("tok_lost_reply");
  const auto lost = Create();
  EXPECT_TRUE(absl::IsUnavailable(lost.status())) << lost.status();
  EXPECT_EQ(ReasonOf(lost.status()), "PAYMENT_OUTCOME_UNKNOWN");
  EXPECT_EQ(Ask("SELECT count(*) FROM simulated_provider_charges"), "1");
  EXPECT_EQ(Ask("SELECT count(*) FROM payments"), "0");
  const auto retried = Create();
  ASSERT_TRUE(retried.ok()) << retried.status();
  EXPECT_EQ(retried->payment().status(), v1::PAYMENT_STATUS_CAPTURED);
  EXPECT_FALSE(retried->replayed());
  EXPECT_EQ(Ask("SELECT count(*) FROM simulated_provider_charges"), "1");
  const auto again = Create();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->replayed());
  EXPECT_EQ(again->payment().id(), retried->payment().id());
}

TEST_F(PaymentFlowTest, ChargesOnceForConcurrentCallsWithOneKey) {
  provider_options_.latency = 20ms;
  const std::function<absl::StatusOr<v1::CreatePaymentResponse>()> create = [this] {
    return Create();
  };
  int made = 0;
  for (const auto& response : RunBehindLock("LOCK TABLE payment_attempts IN SHARE MODE",
                                            std::vector(kRacingCalls, create))) {
    if (response.ok()) {
      made += response->replayed() ? 0 : 1;
    } else {
      EXPECT_TRUE(absl::IsAborted(response.status())) << response.status();
    }
  }
  EXPECT_EQ(made, 1);
  EXPECT_EQ(Ask("SELECT count(*) FROM simulated_provider_charges"), "1");
  EXPECT_EQ(Ask("SELECT count(*) FROM payments"), "1");
}

TEST_F(PaymentFlowTest, ChargesNothingWhenTheProviderDoesNotAnswer) {
  request_.set_payment_method_token("tok_timeout");
  EXPECT_TRUE(absl::IsUnavailable(Create().status()));
  EXPECT_TRUE(absl::IsUnavailable(Create().status()));
  EXPECT_EQ(Ask("SELECT count(*) FROM simulated_provider_charges"), "0");
  EXPECT_EQ(Ask("SELECT count(*) FROM payments"), "0");
}

TEST_F(PaymentFlowTest, StoresADeclinedChargeAsAFailedPayment) {
  request_.set_payment_method_token("tok_decline");
  const auto response = Create();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->payment().status(), v1::PAYMENT_STATUS_FAILED);
  EXPECT_EQ(response->payment().failure_reason(), "card_declined");
  EXPECT_EQ(response->payment().provider_reference(), "");
}

// Both services' demo data, each in a database of its own, as in a deployment.
class PaymentDemoDataTest : public scaleout::testing::PoolFixture {
 protected:
  std::unique_ptr<PostgresPool> MakeOrdersPool(bool seed) {
    options_.connect.conninfo = orders_database_;
    auto pool = MakePool(order::Schema(), seed);
    options_.connect.conninfo = conninfo_;
    return pool;
  }
  std::string AskOrders(const std::string& sql) { return postgres_.Ask(orders_database_, sql); }

  // Order, user, amount and state of the payments, and what they have to be by the orders.
  std::string Payments() {
    return Ask(
        "SELECT md5(string_agg(concat_ws(',', order_id, user_id, amount_minor, currency, state), "
        "';'"
        " ORDER BY order_id)) FROM payments WHERE id <= 5000");
  }
  std::string PaymentsByOrders() {
    return AskOrders(
        "SELECT md5(string_agg(concat_ws(',', id, user_id, total_minor, currency,"
        " CASE state WHEN 'PAYMENT_FAILED' THEN 'FAILED' ELSE 'CAPTURED' END), ';' ORDER BY id))"
        " FROM orders WHERE id <= 5000 AND state IN ('PAID', 'FULFILLED', 'PAYMENT_FAILED')");
  }

  const std::string orders_database_ = postgres_.CreateDatabase();
};

TEST_F(PaymentDemoDataTest, HasAPaymentForEachDemoOrderThatWasChargedOrRefusedAndNoOther) {
  const auto orders = MakeOrdersPool(true);
  const auto payments = MakePool(Schema(), true);
  EXPECT_EQ(Ask("SELECT count(*) FROM payments"), "4500");
  EXPECT_EQ(Payments(), PaymentsByOrders());
  EXPECT_EQ(Ask("SELECT string_agg(DISTINCT failure_reason, ',') FROM payments"), "card_declined");
}

TEST_F(PaymentDemoDataTest, FitsTheDemoOrdersAlsoWhereClientsWereFirst) {
  auto orders = MakeOrdersPool(false);
  AskOrders("INSERT INTO products (name, price_minor, currency) VALUES ('Lamp', 1, 'EUR')");
  AskOrders(
      "INSERT INTO orders (user_id, state, total_minor, currency)"
      " VALUES (7, 'PENDING', 1, 'EUR'), (7, 'PAID', 2, 'EUR'), (7, 'PAID', 3, 'EUR')");
  orders = MakeOrdersPool(true);
  auto payments = MakePool(Schema());
  Ask("INSERT INTO payments (order_id, user_id, state, amount_minor, currency)"
      " VALUES (5002, 7, 'CAPTURED', 2, 'EUR')");
  payments = MakePool(Schema(), true);
  EXPECT_EQ(AskOrders("SELECT count(*) FROM orders"), "5003");
  EXPECT_EQ(Ask("SELECT count(*) FROM payments"), "4501");
  EXPECT_EQ(Payments(), PaymentsByOrders());
  // What was deleted since does not come back.
  Ask("DELETE FROM payments WHERE id > 3");
  payments = MakePool(Schema(), true);
  EXPECT_EQ(Ask("SELECT count(*) FROM payments"), "2");
}

TEST_F(PaymentDemoDataTest, LoadedAgainDoesNotMoveTheSequenceBack) {
  auto payments = MakePool(Schema(), true);
  const std::string next = "SELECT nextval(pg_get_serial_sequence('payments', 'id'))";
  const int last = std::stoi(Ask(next));
  EXPECT_GT(last, 5000);
  Ask("TRUNCATE payments, payment_attempts");
  payments = MakePool(Schema(), true);
  EXPECT_EQ(Ask("SELECT count(*) FROM payments"), "4500");
  EXPECT_GT(std::stoi(Ask(next)), last);
}

}  // namespace
}  // namespace scaleout::payment
