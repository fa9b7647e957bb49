#include "gateway/resilience/injected_faults.h"

#include <utility>

namespace scaleout::gateway {
namespace {

bool HasAny(const FaultRates& rates) {
  return rates.latency.count() > 0 || rates.jitter.count() > 0 || rates.error_percent > 0 ||
         rates.abort_percent > 0;
}

}  // namespace

InjectedFaults::InjectedFaults(RandomSource random) : random_(std::move(random)) {}

void InjectedFaults::Set(const FaultRates& rates) {
  const std::lock_guard lock(mutex_);
  rates_ = rates;
  on_.store(HasAny(rates), std::memory_order_relaxed);
}

FaultRates InjectedFaults::rates() const {
  const std::lock_guard lock(mutex_);
  return rates_;
}

InjectedFault InjectedFaults::Draw() const {
  const FaultRates rates = this->rates();
  InjectedFault fault;
  fault.delay = std::chrono::duration_cast<Duration>(rates.latency + random_() * rates.jitter);
  const double drawn = random_() * 100;
  if (drawn < rates.error_percent) {
    fault.error = rates.error;
  } else {
    fault.answer_lost = drawn < rates.error_percent + rates.abort_percent;
  }
  return fault;
}

}  // namespace scaleout::gateway
