#include "services/order/reservation_sweeper.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "services/order/order_faults.h"

namespace scaleout::order {
namespace {

using std::chrono::milliseconds;

// Of a question to the payment service, and of a transaction.
constexpr milliseconds kStepLimit{2000};
// Rounds in the time that a reservation waits; it is late by one at most.
constexpr int kRoundsPerWait = 4;
constexpr milliseconds kMaxPoll{10'000};

}  // namespace

ReservationSweeper::ReservationSweeper(Parts parts, milliseconds settle_after)
    : parts_(parts),
      settle_after_(settle_after),
      thread_({.name = "settle-orders",
               .work = "settling reservations",
               .poll = std::min(settle_after / kRoundsPerWait, kMaxPoll)},
              parts.clock, parts.logger) {}

void ReservationSweeper::Start(std::function<bool()> is_ready) {
  thread_.Start(std::move(is_ready), [this] { return Round(); });
}

absl::Status ReservationSweeper::Round() {
  while (!thread_.IsToEndRound()) {
    // One at a time: of those that are taken when the payment service cannot be asked, the others
    // would wait for another while.
    const absl::StatusOr<std::vector<OverdueReservation>> overdue =
        parts_.reservations.TakeOverdue(thread_.StepCall(kStepLimit), settle_after_, 1);
    if (!overdue.ok()) return overdue.status();
    if (overdue->empty()) break;
    if (absl::Status settled = Settle(overdue->front()); !settled.ok()) return settled;
  }
  return absl::OkStatus();
}

absl::Status ReservationSweeper::Settle(const OverdueReservation& reservation) {
  parts_.faults.Pass(kBeforeSettleCall);
  const absl::StatusOr<std::optional<Charge>> charge =
      parts_.settlements.Settle(thread_.StepCall(kStepLimit), reservation);
  if (!charge.ok()) return charge.status();
  if (!*charge) return absl::OkStatus();
  parts_.faults.Pass(kAfterSettleCall);
  ChargeEffect effect = ChargeEffect::kUnchanged;
  const absl::Status status = parts_.outbox.Transact(
      thread_.StepCall(kStepLimit), [&](PostgresSession& session) -> absl::Status {
        const absl::StatusOr<ChargeEffect> settled = parts_.reservations.Settle(session, **charge);
        if (settled.ok()) effect = *settled;
        return settled.status();
      });
  if (!status.ok()) return status;
  parts_.reports.Add("settlement", **charge, effect);
  return absl::OkStatus();
}

}  // namespace scaleout::order
