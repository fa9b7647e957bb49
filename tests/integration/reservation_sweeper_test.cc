#include "services/order/reservation_sweeper.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/reservation_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_logger.h"

namespace scaleout::order {
namespace {

using namespace std::chrono_literals;
using scaleout::testing::Eventually;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The payment service; a reservation without a charge is undecided there.
class FakeSettlements final : public PaymentSettlements {
 public:
  absl::StatusOr<std::optional<Charge>> Settle(const CallContext& call,
                                               const OverdueReservation& reservation) override {
    asked.push_back(reservation.id);
    EXPECT_LT(call.deadline.Remaining(SystemClock()), 1min);
    ++questions;
    if (meanwhile) meanwhile();
    if (!failure.ok()) return failure;
    const auto found = charges.find(reservation.id);
    if (found == charges.end()) return std::nullopt;
    return found->second;
  }

  std::map<std::string, Charge> charges;
  absl::Status failure;
  std::function<void()> meanwhile;  // what happens while it is asked
  std::vector<std::string> asked;
  std::atomic<int> questions = 0;
};

class ReservationSweeperTest : public ReservationFixture {
 protected:
  // A reservation that waits for longer than a minute.
  std::string MakeOverdue(OrderId order, const std::string& age = "2 minutes") {
    const std::string id = ReservedId(order, "key " + std::to_string(order.value()));
    Overdue(id, age);
    return id;
  }
  void Overdue(const std::string& id, const std::string& age = "2 minutes") {
    Ask("UPDATE payment_reservations SET settle_at = now() - interval '" + age + "' WHERE id = '" +
        id + "'");
    ForgetEvents();
  }

  double Orphaned() {
    return metrics_
        ->AddCounter("orders_orphaned_captures_total",
                     "Captured payments that fit no reservation; must stay 0")
        .value();
  }

  FakeSettlements settlements_;
  scaleout::testing::FakeLogger log_;
  ChargeReports reports_{log_, *metrics_};
  ReservationSweeper sweeper_{
      {*reservations_, settlements_, reports_, outbox_, log_, SystemClock()}, 1min};
};

TEST_F(ReservationSweeperTest, EndsOverdueReservationsAsThePaymentServiceSays) {
  const OrderId paid = CreateOrder();
  const OrderId refused = CreateOrder();
  const std::string captured = MakeOverdue(paid, "3 minutes");
  const std::string failed = MakeOverdue(refused);
  settlements_.charges = {{captured, Captured(paid, captured)}, {failed, Failed(refused, failed)}};
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_THAT(settlements_.asked, ElementsAre(captured, failed));
  EXPECT_EQ(State(paid) + " " + Outcome(captured), "PAID CAPTURED");
  EXPECT_EQ(State(refused) + " " + Outcome(failed), "PAYMENT_FAILED FAILED");
  EXPECT_EQ(OutboxEvents(), Changed(paid) + ", " + Changed(refused));
  EXPECT_EQ(log_.lines().back().fields.at("source"), "settlement");
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_EQ(settlements_.questions, 2);
}

TEST_F(ReservationSweeperTest, LeavesReservationsThatMayStillGetTheirEvent) {
  const OrderId order = CreateOrder();
  ReservedId(order);
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_THAT(settlements_.asked, IsEmpty());
  EXPECT_EQ(State(order), "RESERVED");
}

TEST_F(ReservationSweeperTest, UndecidedReservationWaitsForAnotherWhile) {
  const OrderId order = CreateOrder();
  const std::string id = MakeOverdue(order);
  ASSERT_TRUE(sweeper_.Round().ok());
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_EQ(settlements_.questions, 1);
  EXPECT_EQ(State(order) + " " + Outcome(id), "RESERVED none");
  Overdue(id);
  settlements_.charges = {{id, Captured(order, id)}};
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_EQ(State(order), "PAID");
}

TEST_F(ReservationSweeperTest, PaymentServiceThatIsAwayEndsTheRoundAndTheNextAsksForTheOthers) {
  const std::string first = MakeOverdue(CreateOrder(), "3 minutes");
  const std::string second = MakeOverdue(CreateOrder());
  settlements_.failure = absl::UnavailableError("away");
  EXPECT_EQ(sweeper_.Round(), settlements_.failure);
  EXPECT_THAT(settlements_.asked, ElementsAre(first));
  EXPECT_EQ(sweeper_.Round(), settlements_.failure);
  EXPECT_THAT(settlements_.asked, ElementsAre(first, second));
  EXPECT_EQ(Outcome(first) + Outcome(second), "nonenone");
}

TEST_F(ReservationSweeperTest, EventThatCameMeanwhileIsNotUndone) {
  const OrderId order = CreateOrder();
  const std::string id = MakeOverdue(order);
  settlements_.charges = {{id, Captured(order, id)}};
  settlements_.meanwhile = [&] {
    EXPECT_EQ(Settle(Captured(order, id)), "moved");
    EXPECT_TRUE(CallOff(order).ok());
  };
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_EQ(State(order), "REFUNDING");
  EXPECT_EQ(log_.lines().back().fields.at("effect"), "unchanged");
}

TEST_F(ReservationSweeperTest, CaptureOfAnotherAmountIsCountedAsOrphaned) {
  const OrderId order = CreateOrder();
  const std::string id = MakeOverdue(order);
  settlements_.charges = {{id, {order, id, Money{1, "EUR"}}}};
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_EQ(Orphaned(), 1);
  EXPECT_EQ(State(order), "RESERVED");
}

TEST_F(ReservationSweeperTest, DatabaseThatRefusesTheMoveFailsTheRoundAndReportsNothing) {
  const OrderId order = CreateOrder();
  const std::string id = MakeOverdue(order);
  settlements_.charges = {{id, Captured(order, id)}};
  Ask("ALTER TABLE outbox ADD CONSTRAINT none CHECK (id < 0) NOT VALID");
  EXPECT_FALSE(sweeper_.Round().ok());
  EXPECT_EQ(State(order) + " " + Outcome(id), "RESERVED none");
  EXPECT_THAT(log_.lines(), IsEmpty());
  Ask("ALTER TABLE outbox DROP CONSTRAINT none");
  Overdue(id);
  EXPECT_TRUE(sweeper_.Round().ok());
  EXPECT_EQ(State(order), "PAID");
}

TEST_F(ReservationSweeperTest, SweepsByItselfOnceTheTablesAreThere) {
  const OrderId order = CreateOrder();
  const std::string id = ReservedId(order);
  settlements_.charges = {{id, Captured(order, id)}};
  std::atomic<bool> ready = false;
  ReservationSweeper sweeper({*reservations_, settlements_, reports_, outbox_, log_, SystemClock()},
                             100ms);
  sweeper.Start([&] { return ready.load(); });
  EXPECT_EQ(State(order), "RESERVED");
  EXPECT_EQ(settlements_.questions, 0);
  ready = true;
  EXPECT_TRUE(Eventually([&] { return State(order) == "PAID"; }));
}

}  // namespace
}  // namespace scaleout::order
