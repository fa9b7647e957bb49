#include "services/payment/refund_sweeper.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "services/payment/payment_faults.h"

namespace scaleout::payment {
namespace {

// Of a transaction. Questions to the provider have a limit of the provider's.
constexpr std::chrono::milliseconds kStepLimit{2000};

}  // namespace

RefundSweeper::RefundSweeper(const Parts& parts, std::chrono::milliseconds again_after)
    : refunds_(parts.refunds),
      provider_(parts.provider),
      logger_(parts.logger),
      faults_(parts.faults),
      again_after_(again_after),
      refused_(parts.metrics.AddGauge("payment_refunds_refused",
                                      "Refunds that the provider has refused finally; must stay "
                                      "0")),
      workers_(parts.threads),
      thread_({.name = "refunds", .work = "refunding payments"}, parts.clock, parts.logger) {}

RefundSweeper::~RefundSweeper() {
  thread_.Stop();
  workers_.AwaitAll();
}

void RefundSweeper::Start(std::function<bool()> is_ready) {
  thread_.Start(std::move(is_ready), [this] { return Round(); });
}

absl::Status RefundSweeper::Round() {
  absl::Status driven = workers_.WorkOff([this] { return Take(); });
  // Also while some get no answer.
  const absl::StatusOr<std::int64_t> refused = refunds_.CountRefused(thread_.StepCall(kStepLimit));
  if (refused.ok()) refused_.Set(static_cast<double>(*refused));
  driven.Update(refused.status());
  return driven;
}

absl::StatusOr<BacklogWorkers::Job> RefundSweeper::Take() {
  if (thread_.IsToEndRound()) return BacklogWorkers::Job();
  absl::StatusOr<std::optional<Refund>> due =
      refunds_.TakeDue(thread_.StepCall(kStepLimit), again_after_);
  if (!due.ok()) return due.status();
  if (!*due) return BacklogWorkers::Job();
  return BacklogWorkers::Job([this, refund = **std::move(due)] { return Drive(refund); });
}

absl::Status RefundSweeper::Drive(const Refund& refund) {
  const absl::StatusOr<RefundAnswer> answer = provider_.Refund(
      thread_.StepCall(kMaxProviderTimeout), {refund.id, refund.provider_reference, refund.amount});
  if (!answer.ok()) return answer.status();
  if (answer->accepted) {
    faults_.Pass(kAfterRefund);
    absl::Status recorded = refunds_.Complete(thread_.StepCall(kStepLimit), refund);
    if (recorded.ok()) faults_.Pass(kAfterRefundRecord);
    return recorded;
  }
  logger_.Error("the provider has refused a refund; it has to be made by hand",
                {{"paymentId", refund.payment_id.value()},
                 {"refundId", refund.id},
                 {"refusal", answer->refusal}});
  return refunds_.Refuse(thread_.StepCall(kStepLimit), refund, answer->refusal);
}

}  // namespace scaleout::payment
