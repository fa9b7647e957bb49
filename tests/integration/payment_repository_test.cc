#include "services/payment/payment_repository.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "services/order/schema.h"
#include "services/payment/schema.h"
#include "tests/integration/pool_fixture.h"

namespace scaleout::payment {
namespace {

using scaleout::testing::CallFor;
using scaleout::testing::Eventually;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PaymentRepositoryTest : public scaleout::testing::PoolFixture {
 protected:
  // Of a captured payment.
  PaymentId Make(std::int64_t user_id = 7, std::int64_t order_id = 3) {
    const std::string user = std::to_string(user_id);
    const std::string order = std::to_string(order_id);
    return PaymentId(std::stoll(
        Ask("INSERT INTO payments (order_id, user_id, state, amount_minor, currency,"
            " provider_reference) VALUES (" +
            order + ", " + user + ", 'CAPTURED', 1999, 'EUR', gen_random_uuid()) RETURNING id")));
  }

  const CallContext call_ = CallFor();
  const std::unique_ptr<PostgresPool> pool_ = MakePool(Schema());
  const std::unique_ptr<PaymentRepository> payments_ = MakePaymentRepository(*pool_);
};

TEST_F(PaymentRepositoryTest, ReadsAPayment) {
  const PaymentId id = Make();
  Ask("UPDATE payments SET provider_reference = 'sim_1',"
      " reservation_id = '8f14e45f-ceea-467f-a0e6-0242ac120002'");
  const auto read = payments_->Get(call_, id, Owner::Anyone());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->order_id, OrderId(3));
  EXPECT_EQ(read->user_id, UserId(7));
  EXPECT_EQ(read->state, PaymentState::kCaptured);
  EXPECT_EQ(read->amount.amount_minor, 1999);
  EXPECT_EQ(read->provider_reference, "sim_1");
  EXPECT_EQ(read->failure_reason, "");
  EXPECT_EQ(read->reservation_id, "8f14e45f-ceea-467f-a0e6-0242ac120002");
  EXPECT_TRUE(absl::IsNotFound(payments_->Get(call_, PaymentId(4711), Owner::Anyone()).status()));
}

TEST_F(PaymentRepositoryTest, PaymentInAStateThatTheProgramDoesNotKnowIsInternal) {
  const PaymentId id = Make();
  Ask("ALTER TABLE payments DROP CONSTRAINT payments_state_check");
  Ask("UPDATE payments SET state = 'LOST'");
  const auto read = payments_->Get(call_, id, Owner::Anyone());
  EXPECT_TRUE(absl::IsInternal(read.status())) << read.status();
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("column state of get_payment"));
}

TEST_F(PaymentRepositoryTest, ListsNewestFirstByUserAndOrder) {
  const PaymentId a = Make(7, 3);
  const PaymentId b = Make(8, 3);
  const PaymentId c = Make(7, 4);
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
  Make(7);
  const PaymentId b = Make(7);
  const PaymentId c = Make(7);
  const PaymentId d = Make(8);
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
  const PaymentId id = Make(7);
  EXPECT_TRUE(payments_->Get(call_, id, Owner::User(7)).ok());
  const absl::Status foreign = payments_->Get(call_, id, Owner::User(8)).status();
  EXPECT_EQ(foreign, NoSuchPayment(id));
}

TEST_F(PaymentRepositoryTest, FindsManyPaymentsWithOneStatement) {
  const PaymentId a = Make(7);
  Make(7);
  const PaymentId c = Make(8);
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
        "SELECT md5(string_agg(concat_ws(',', order_id, reservation_id, user_id, amount_minor,"
        " currency, state), ';' ORDER BY order_id)) FROM payments WHERE id <= 5000");
  }
  std::string PaymentsByOrders() {
    return AskOrders(
        "SELECT md5(string_agg(concat_ws(',', o.id, r.id, user_id, total_minor, currency,"
        " r.outcome), ';' ORDER BY o.id)) FROM orders AS o"
        " LEFT JOIN payment_reservations AS r ON r.order_id = o.id"
        " WHERE o.id <= 5000 AND state IN ('PAID', 'FULFILLED', 'PAYMENT_FAILED')");
  }

  const std::string orders_database_ = postgres_.CreateDatabase();
};

TEST_F(PaymentDemoDataTest, HasAPaymentForEachDemoOrderThatWasChargedOrRefusedAndNoOther) {
  const auto orders = MakeOrdersPool(true);
  const auto payments = MakePool(Schema(), true);
  EXPECT_EQ(Ask("SELECT count(*) FROM payments"), "4500");
  EXPECT_EQ(Payments(), PaymentsByOrders());
  EXPECT_EQ(Ask("SELECT string_agg(DISTINCT failure_reason, ',') FROM payments"), "card_declined");
  // The provider has taken what was captured, under the reservation.
  EXPECT_EQ(Ask("SELECT count(*) FROM payments AS p JOIN simulated_provider_charges AS c"
                " ON c.reference = p.reservation_id::text AND c.amount_minor = p.amount_minor"
                " WHERE c.approved = (p.state = 'CAPTURED')"
                " AND (NOT c.approved OR c.provider_reference = p.provider_reference)"),
            "4500");
  EXPECT_EQ(AskOrders("SELECT count(*) FROM payment_reservations"), "4500");
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
  Ask("TRUNCATE payments, payment_attempts, refunds");
  payments = MakePool(Schema(), true);
  EXPECT_EQ(Ask("SELECT count(*) FROM payments"), "4500");
  EXPECT_GT(std::stoi(Ask(next)), last);
}

}  // namespace
}  // namespace scaleout::payment
