// A retry budget: bounds the retries to one backend to a share of its calls, so that retries
// cannot multiply an outage.
//
// Over any last `window`, retries <= ratio * calls + floor_per_second * window. Each call puts its
// share in, each retry takes a whole one out, and both are forgotten when they leave the window
// (as in finagle and linkerd). Shared by all loops; thread-safe, one short lock.
#ifndef SCALEOUT_GATEWAY_RESILIENCE_RETRY_BUDGET_H_
#define SCALEOUT_GATEWAY_RESILIENCE_RETRY_BUDGET_H_

#include <chrono>
#include <cstdint>
#include <mutex>
#include <vector>

#include "common/clock.h"

namespace scaleout::gateway {

struct RetryBudgetConfig {
  Duration window = std::chrono::seconds(10);
  double ratio = 0.2;        // retries per call, 0 to 1, to the thousandth
  int floor_per_second = 3;  // retries that are free
};

struct RetryBudgetSnapshot {
  double available = 0;        // retries that would be granted now
  std::int64_t granted = 0;    // since the start
  std::int64_t exhausted = 0;  // retries refused, since the start
};

class RetryBudget {
 public:
  // `clock` outlives the budget.
  RetryBudget(const RetryBudgetConfig& config, const Clock& clock);
  RetryBudget(const RetryBudget&) = delete;
  RetryBudget& operator=(const RetryBudget&) = delete;

  // Once for each call, not for its retries.
  void Deposit();
  // Whether one retry may be made now; it is paid for.
  bool TryWithdraw();

  RetryBudgetSnapshot Snapshot();

 private:
  void Advance(MonotonicTime now);
  void Put(std::int64_t tokens);

  const Clock& clock_;
  const std::int64_t slot_ns_;
  const std::int64_t deposit_;
  const std::int64_t floor_;

  std::mutex mutex_;
  std::vector<std::int64_t> slots_;  // deposits minus withdrawals of a tenth of the window each
  std::int64_t balance_ = 0;         // their sum
  std::int64_t newest_ = 0;
  std::int64_t granted_ = 0;
  std::int64_t exhausted_ = 0;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RESILIENCE_RETRY_BUDGET_H_
