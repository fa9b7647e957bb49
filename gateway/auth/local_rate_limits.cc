#include "gateway/auth/local_rate_limits.h"

#include <algorithm>

namespace scaleout::gateway {

using std::chrono::microseconds;

namespace {

// The worst of them decides.
RateLimitDecision DecisionOf(const std::vector<GcraAnswer>& answers) {
  const auto worst = std::ranges::max_element(answers, [](const auto& a, const auto& b) {
    if (a.allowed != b.allowed) return a.allowed;
    return a.allowed ? a.remaining > b.remaining : a.next < b.next;
  });
  return {worst->allowed, static_cast<std::size_t>(worst - answers.begin()), worst->remaining,
          worst->next};
}

}  // namespace

RateLimit ShareOf(const RateLimit& limit, int instances) {
  RateLimit share = limit;
  share.requests = std::max<std::int64_t>(1, limit.requests / std::max(1, instances));
  return share;
}

RateLimitDecision LocalRateLimits::Charge(std::span<const RateLimitCharge> charges, int instances,
                                          MonotonicTime time) {
  const std::lock_guard lock(mutex_);
  const std::vector<GcraAnswer> answers = AskEach(charges, instances, time);
  const RateLimitDecision decision = DecisionOf(answers);
  if (!decision.allowed) return decision;
  for (std::size_t i = 0; i < charges.size(); ++i) Store(charges[i].key, answers[i].empty_at);
  return decision;
}

RateLimitDecision LocalRateLimits::Ask(std::span<const RateLimitCharge> charges, int instances,
                                       MonotonicTime time) const {
  const std::lock_guard lock(mutex_);
  return DecisionOf(AskEach(charges, instances, time));
}

std::vector<GcraAnswer> LocalRateLimits::AskEach(std::span<const RateLimitCharge> charges,
                                                 int instances, MonotonicTime time) const {
  const auto now = std::chrono::floor<microseconds>(time.time_since_epoch());
  std::vector<GcraAnswer> answers;
  for (const RateLimitCharge& charge : charges) {
    answers.push_back(AskGcra(ShareOf(charge.policy->limit, instances), EmptyAt(charge.key), now));
  }
  return answers;
}

std::size_t LocalRateLimits::size() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

microseconds LocalRateLimits::EmptyAt(std::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? microseconds::min() : found->second->empty_at;
}

void LocalRateLimits::Store(const std::string& key, microseconds empty_at) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    found->second->empty_at = empty_at;
    buckets_.splice(buckets_.begin(), buckets_, found->second);
    return;
  }
  buckets_.push_front({key, empty_at});
  by_key_.emplace(buckets_.front().key, buckets_.begin());
  if (buckets_.size() <= max_keys_) return;
  by_key_.erase(buckets_.back().key);
  buckets_.pop_back();
}

}  // namespace scaleout::gateway
