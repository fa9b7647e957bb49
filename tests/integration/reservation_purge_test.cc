// Reservations that are taken because they wait for too long, and keys that are forgotten.
#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/reservation_fixture.h"

namespace scaleout::order {
namespace {

using namespace std::chrono_literals;

class ReservationPurgeTest : public ReservationFixture {
 protected:
  std::string MakeReservation(const std::string& key) { return ReservedId(CreateOrder(), key); }

  void Age(const std::string& reservation, const std::string& column, const std::string& age) {
    Ask("UPDATE payment_reservations SET " + column + " = now() - interval '" + age +
        "' WHERE id = '" + reservation + "'");
  }

  std::vector<std::string> TakeOverdue(std::chrono::milliseconds age, int limit) {
    const auto taken = reservations_->TakeOverdue(call_, age, limit);
    EXPECT_TRUE(taken.ok()) << taken.status();
    std::vector<std::string> ids;
    for (const OverdueReservation& one : taken.value_or(std::vector<OverdueReservation>())) {
      ids.push_back(one.id);
    }
    return ids;
  }
};

TEST_F(ReservationPurgeTest, ReservationIsOverdueOnceItHasWaitedForTheTimeAndThenAgain) {
  const OrderId order = CreateOrder();
  const std::string id = ReservedId(order);
  EXPECT_TRUE(TakeOverdue(1min, 10).empty());
  Age(id, "settle_at", "61 seconds");
  const auto taken = reservations_->TakeOverdue(call_, 1min, 10);
  ASSERT_TRUE(taken.ok()) << taken.status();
  ASSERT_EQ(taken->size(), 1u);
  EXPECT_EQ(taken->front().id, id);
  EXPECT_EQ(taken->front().order_id, order);
  EXPECT_TRUE(TakeOverdue(1min, 10).empty()) << "was just taken";
  Age(id, "settle_at", "61 seconds");
  EXPECT_EQ(TakeOverdue(1min, 10), std::vector({id}));
}

TEST_F(ReservationPurgeTest, ReservationThatHasEndedIsNeverOverdue) {
  const OrderId order = CreateOrder();
  const std::string id = ReservedId(order);
  ASSERT_EQ(Settle(Failed(order, id)), "moved");
  Age(id, "settle_at", "1 hour");
  EXPECT_TRUE(TakeOverdue(1min, 10).empty());
}

TEST_F(ReservationPurgeTest, OldestComeFirstAndNoMoreThanAskedFor) {
  const std::string young = MakeReservation("young");
  const std::string oldest = MakeReservation("oldest");
  const std::string old = MakeReservation("old");
  Age(young, "settle_at", "2 minutes");
  Age(oldest, "settle_at", "4 minutes");
  Age(old, "settle_at", "3 minutes");
  EXPECT_EQ(TakeOverdue(1min, 1), std::vector({oldest}));
  EXPECT_EQ(TakeOverdue(1min, 1), std::vector({old}));
  EXPECT_EQ(TakeOverdue(1min, 1), std::vector({young}));
  EXPECT_TRUE(TakeOverdue(1min, 1).empty());
}

TEST_F(ReservationPurgeTest, ReplicasTakeEachOverdueReservationOnce) {
  for (int i = 0; i < 40; ++i) {
    Age(MakeReservation("key " + std::to_string(i)), "settle_at", "2 minutes");
  }
  const std::function<std::vector<std::string>()> take = [this] {
    std::vector<std::string> all;
    for (auto some = TakeOverdue(1min, 3); !some.empty(); some = TakeOverdue(1min, 3)) {
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  };
  std::multiset<std::string> taken;
  for (const auto& ids : RunBehindLock("LOCK TABLE payment_reservations IN EXCLUSIVE MODE",
                                       std::vector(kRacingCalls, take))) {
    taken.insert(ids.begin(), ids.end());
  }
  EXPECT_EQ(taken.size(), 40u);
  EXPECT_EQ(std::set(taken.begin(), taken.end()).size(), 40u);
}

TEST_F(ReservationPurgeTest, KeysAreForgottenADayAfterTheEndAndReservationsStay) {
  const OrderId captured = CreateOrder();
  const OrderId failed = CreateOrder();
  const OrderId young = CreateOrder();
  const std::string waiting = MakeReservation("waiting");
  const std::string captured_id = ReservedId(captured, "captured");
  const std::string failed_id = ReservedId(failed, "failed");
  const std::string young_id = ReservedId(young, "young");
  ASSERT_EQ(Settle(Captured(captured, captured_id)), "moved");
  ASSERT_EQ(Settle(Failed(failed, failed_id)), "moved");
  ASSERT_EQ(Settle(Failed(young, young_id)), "moved");
  Ask("UPDATE payment_reservations SET created_at = now() - interval '2 days'");
  for (const std::string& id : {captured_id, failed_id}) Age(id, "ended_at", "1441 minutes");
  Age(young_id, "ended_at", "1439 minutes");
  EXPECT_EQ(reservations_->Purge(call_, 1).value(), 1);
  EXPECT_EQ(reservations_->Purge(call_, 10).value(), 1);
  EXPECT_EQ(reservations_->Purge(call_, 10).value(), 0);
  EXPECT_EQ(Ask("SELECT string_agg(idempotency_key, ' ' ORDER BY idempotency_key)"
                " FROM payment_reservations"),
            "waiting young");
  EXPECT_EQ(Ask("SELECT count(*) FROM payment_reservations WHERE principal IS NULL AND"
                " fingerprint IS NULL AND payload_checksum IS NULL"),
            "2");
  // A report that comes late, a refund: they name the reservation, not its key.
  EXPECT_EQ(Settle(Captured(captured, captured_id)), "unchanged");
  EXPECT_EQ(Settle(Failed(failed, failed_id)), "unchanged");
  EXPECT_TRUE(reservations_->RequestRefund(call_, captured, captured_id).ok());
  EXPECT_EQ(Outcome(waiting), "none");
  // The key may be used again.
  EXPECT_NE(ReservedId(failed, "failed"), failed_id);
}

}  // namespace
}  // namespace scaleout::order
