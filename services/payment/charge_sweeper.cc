#include "services/payment/charge_sweeper.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "services/payment/payment_faults.h"

namespace scaleout::payment {
namespace {

using std::chrono::milliseconds;

// Of a transaction. Questions to the provider have a limit of the provider's.
constexpr milliseconds kStepLimit{2000};
// Rounds in the time that a payment waits; it is late by one at most.
constexpr int kRoundsPerWait = 4;
constexpr milliseconds kMaxPoll{1'000};

Counter& AddOutcome(Metrics& metrics, const char* outcome) {
  return metrics.AddCounter("payment_charges_swept_total",
                            "Payments without a call at work that the provider was asked about",
                            {{"outcome", outcome}});
}

}  // namespace

ChargeSweeper::ChargeSweeper(const Parts& parts, milliseconds settle_after)
    : charges_(parts.charges),
      provider_(parts.provider),
      logger_(parts.logger),
      faults_(parts.faults),
      captured_(AddOutcome(parts.metrics, "captured")),
      failed_(AddOutcome(parts.metrics, "failed")),
      pending_(AddOutcome(parts.metrics, "pending")),
      error_(AddOutcome(parts.metrics, "error")),
      workers_(parts.threads),
      thread_({.name = "settle-charges",
               .work = "settling charges",
               .poll = std::min(settle_after / kRoundsPerWait, kMaxPoll)},
              parts.clock, parts.logger) {}

ChargeSweeper::~ChargeSweeper() {
  thread_.Stop();
  workers_.AwaitAll();
}

void ChargeSweeper::Start(std::function<bool()> is_ready) {
  thread_.Start(std::move(is_ready), [this] { return Round(); });
}

absl::Status ChargeSweeper::Round() {
  return workers_.WorkOff([this] { return Take(); });
}

absl::StatusOr<BacklogWorkers::Job> ChargeSweeper::Take() {
  if (thread_.IsToEndRound()) return BacklogWorkers::Job();
  absl::StatusOr<std::optional<std::string>> due = charges_.TakeDue(thread_.StepCall(kStepLimit));
  if (!due.ok()) return due.status();
  if (!*due) return BacklogWorkers::Job();
  return BacklogWorkers::Job([this, reservation_id = **std::move(due)] {
    absl::Status settled = Settle(reservation_id);
    if (!settled.ok()) error_.Increment();
    return settled;
  });
}

absl::Status ChargeSweeper::Settle(const std::string& reservation_id) {
  const absl::StatusOr<ChargeReport> report = FindOrVoid(reservation_id);
  if (!report.ok()) return report.status();
  if (report->state != ChargeReport::State::kFinal) {
    pending_.Increment();
    return absl::OkStatus();
  }
  const absl::StatusOr<StoredAnswer> decided =
      charges_.Decide(thread_.StepCall(kStepLimit), reservation_id, report->answer);
  if (!decided.ok()) return decided.status();
  if (decided->earlier) return absl::OkStatus();
  (report->answer.approved ? captured_ : failed_).Increment();
  logger_.Info("a charge without a call at work was settled",
               {{"reservationId", reservation_id}, {"captured", report->answer.approved}});
  return absl::OkStatus();
}

absl::StatusOr<ChargeReport> ChargeSweeper::FindOrVoid(const std::string& reservation_id) {
  absl::StatusOr<ChargeReport> found =
      provider_.Find(thread_.StepCall(kMaxProviderTimeout), reservation_id);
  if (!found.ok()) return found;
  if (found->state == ChargeReport::State::kFinal) faults_.Pass(kAfterFind);
  if (found->state != ChargeReport::State::kUnknown) return found;
  if (thread_.stopping()) return absl::CancelledError("the service stops");
  faults_.Pass(kBeforeVoid);
  absl::StatusOr<ChargeReport> voided =
      provider_.Void(thread_.StepCall(kMaxProviderTimeout), reservation_id);
  if (voided.ok()) faults_.Pass(kAfterVoid);
  return voided;
}

}  // namespace scaleout::payment
