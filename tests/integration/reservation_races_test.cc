// Reservations, reports and cancellations of one order at once: which one comes first is open, and
// the others see what it has done.
#include <functional>
#include <future>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/reservation_fixture.h"

namespace scaleout::order {
namespace {

constexpr const char* kLockOrders = "SELECT FROM orders ORDER BY id FOR UPDATE";

class ReservationRacesTest : public ReservationFixture {
 protected:
  // "reserved", or the reason why it is not.
  std::string TryToReserve(const WantedReservation& wanted) {
    const absl::StatusOr<Reservation> reserved = Reserve(wanted);
    if (reserved.ok()) return "reserved";
    const std::string reason = ReasonOf(reserved.status());
    return reason.empty() ? reserved.status().ToString() : reason;
  }
  std::string TryToCallOff(OrderId id) {
    const absl::Status status = CallOff(id);
    return status.ok() ? "called off" : ReasonOf(status);
  }

  // All at once, on the connections that there are.
  static std::vector<std::string> RunTogether(
      const std::vector<std::function<std::string()>>& calls) {
    std::vector<std::future<std::string>> running;
    running.reserve(calls.size());
    for (const auto& call : calls) running.push_back(std::async(std::launch::async, call));
    std::vector<std::string> results;
    results.reserve(calls.size());
    for (auto& result : running) results.push_back(result.get());
    return results;
  }
};

TEST_F(ReservationRacesTest, OneOfFiftyKeysReservesAndTheOthersHearThatAPaymentIsInProgress) {
  const OrderId id = CreateOrder();
  std::vector<std::function<std::string()>> calls;
  for (int i = 0; i < 50; ++i) {
    calls.push_back([this, id, i] { return TryToReserve(Wanted(id, "key " + std::to_string(i))); });
  }
  std::multiset<std::string> results;
  for (const std::string& result : RunTogether(calls)) results.insert(result);
  EXPECT_EQ(results.count("reserved"), 1u);
  EXPECT_EQ(results.count("PAYMENT_IN_PROGRESS"), 49u);
  EXPECT_EQ(CountReservations(), "1");
  EXPECT_EQ(OutboxEvents(), Changed(id));
}

TEST_F(ReservationRacesTest, ConcurrentCallsWithOneKeyGetOneReservation) {
  const OrderId id = CreateOrder();
  const std::function<std::string()> reserve = [&] { return ReservedId(id); };
  const auto results = RunBehindLock(kLockOrders, std::vector(kRacingCalls, reserve));
  EXPECT_EQ(std::set(results.begin(), results.end()).size(), 1u);
  EXPECT_EQ(CountReservations(), "1");
  EXPECT_EQ(OutboxEvents(), Changed(id));
}

TEST_F(ReservationRacesTest, CallThatFindsItsKeysReservationEndedMeanwhileGetsItToo) {
  const OrderId id = CreateOrder();
  // Both look for the key before it is there; the second gets the lock after the charge has failed.
  Ask("CREATE FUNCTION end_at_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      " UPDATE payment_reservations SET outcome = 'FAILED', ended_at = now();"
      " NEW.state = 'PAYMENT_FAILED'; RETURN NEW; END $$");
  Ask("CREATE TRIGGER end_at_once BEFORE UPDATE ON orders FOR EACH ROW"
      " WHEN (NEW.state = 'RESERVED') EXECUTE FUNCTION end_at_once()");
  const std::function<std::string()> reserve = [&] { return ReservedId(id); };
  const auto results = RunBehindLock(kLockOrders, std::vector(kRacingCalls, reserve));
  EXPECT_EQ(std::set(results.begin(), results.end()).size(), 1u);
  EXPECT_EQ(CountReservations(), "1");
  EXPECT_EQ(State(id), "PAYMENT_FAILED");
}

TEST_F(ReservationRacesTest, OneKeyForManyOrdersReservesOneOfThem) {
  std::vector<std::function<std::string()>> calls;
  for (int i = 0; i < kRacingCalls; ++i) {
    const OrderId id = CreateOrder();
    calls.push_back([this, id] { return TryToReserve(Wanted(id)); });
  }
  std::multiset<std::string> results;
  for (const std::string& result : RunBehindLock(kLockOrders, calls)) results.insert(result);
  EXPECT_EQ(results.count("reserved"), 1u);
  EXPECT_EQ(results.count("IDEMPOTENCY_KEY_REUSED"), kRacingCalls - 1u);
  EXPECT_EQ(Ask("SELECT count(*) FROM orders WHERE state = 'RESERVED'"), "1");
  EXPECT_EQ(CountReservations(), "1");
}

TEST_F(ReservationRacesTest, OrderIsReservedOrCancelledAndNeverBoth) {
  int reserved = 0;
  for (int i = 0; i < 100; ++i) {
    const OrderId id = CreateOrder();
    const WantedReservation wanted = Wanted(id, "key " + std::to_string(i));
    const auto results =
        RunTogether({[&] { return TryToReserve(wanted); }, [&] { return TryToCallOff(id); }});
    if (results[0] == "reserved") {
      EXPECT_EQ(results[1], "PAYMENT_IN_PROGRESS");
      EXPECT_EQ(State(id), "RESERVED");
      ++reserved;
    } else {
      EXPECT_EQ(results[0], "ORDER_NOT_PAYABLE");
      EXPECT_EQ(results[1], "called off");
      EXPECT_EQ(State(id), "CANCELLED");
    }
  }
  EXPECT_EQ(CountReservations(), std::to_string(reserved));
}

TEST_F(ReservationRacesTest, ReportThatComesTwiceAtOnceMovesTheOrderOnce) {
  const OrderId id = CreateOrder();
  const std::string reservation = ReservedId(id);
  ForgetEvents();
  const std::function<std::string()> settle = [&] { return Settle(Captured(id, reservation)); };
  const auto results = RunBehindLock(kLockOrders, std::vector(kRacingCalls, settle));
  EXPECT_EQ(std::multiset(results.begin(), results.end()).count("moved"), 1u);
  EXPECT_EQ(std::multiset(results.begin(), results.end()).count("unchanged"), kRacingCalls - 1u);
  EXPECT_EQ(OutboxEvents(), Changed(id));
}

TEST_F(ReservationRacesTest, RefundThatIsRequestedManyTimesAtOnceIsOneEvent) {
  const auto [id, reservation] = PaidOrder();
  const std::function<std::string()> request = [&, id = id, reservation = reservation] {
    return reservations_->RequestRefund(call_, id, reservation).ToString();
  };
  const std::function<std::string()> cancel = [&, id = id] { return CallOff(id).ToString(); };
  for (const std::string& result : RunBehindLock<std::string>(
           kLockOrders, {request, cancel, request, cancel, request, cancel})) {
    EXPECT_EQ(result, "OK");
  }
  EXPECT_EQ(OutboxEvents(), Changed(id) + ", " + RefundRequested(id));
}

}  // namespace
}  // namespace scaleout::order
