#include "gateway/resilience/retry_budget.h"

#include <algorithm>
#include <cmath>

namespace scaleout::gateway {
namespace {

constexpr int kSlots = 10;
// Whole numbers, so that a million deposits and withdrawals come out at exactly zero.
constexpr std::int64_t kTokensPerRetry = 1000;

}  // namespace

RetryBudget::RetryBudget(const RetryBudgetConfig& config, const Clock& clock)
    : clock_(clock),
      slot_ns_(config.window.count() / kSlots),
      deposit_(std::llround(config.ratio * static_cast<double>(kTokensPerRetry))),
      floor_(std::llround(static_cast<double>(config.floor_per_second * kTokensPerRetry) *
                          std::chrono::duration<double>(config.window).count())),
      slots_(kSlots) {}

void RetryBudget::Deposit() {
  const MonotonicTime now = clock_.Now();
  const std::lock_guard lock(mutex_);
  Advance(now);
  Put(deposit_);
}

bool RetryBudget::TryWithdraw() {
  const MonotonicTime now = clock_.Now();
  const std::lock_guard lock(mutex_);
  Advance(now);
  if (floor_ + balance_ < kTokensPerRetry) {
    exhausted_ += 1;
    return false;
  }
  granted_ += 1;
  Put(-kTokensPerRetry);
  return true;
}

RetryBudgetSnapshot RetryBudget::Snapshot() {
  const MonotonicTime now = clock_.Now();
  const std::lock_guard lock(mutex_);
  Advance(now);
  // Below zero when the calls that paid for a retry are forgotten before it is.
  const std::int64_t available = std::max<std::int64_t>(floor_ + balance_, 0);
  return {static_cast<double>(available) / static_cast<double>(kTokensPerRetry), granted_,
          exhausted_};
}

void RetryBudget::Advance(MonotonicTime now) {
  const std::int64_t epoch = Duration(now.time_since_epoch()).count() / slot_ns_;
  if (epoch <= newest_) return;
  for (std::int64_t reused = std::max(newest_ + 1, epoch - kSlots + 1); reused <= epoch; ++reused) {
    std::int64_t& slot = slots_[static_cast<std::size_t>(reused % kSlots)];
    balance_ -= slot;
    slot = 0;
  }
  newest_ = epoch;
}

void RetryBudget::Put(std::int64_t tokens) {
  slots_[static_cast<std::size_t>(newest_ % kSlots)] += tokens;
  balance_ += tokens;
}

}  // namespace scaleout::gateway
