#include "gateway/resilience/sliding_window.h"

#include <algorithm>

namespace scaleout::gateway {

SlidingWindow::SlidingWindow(Duration span, int buckets)
    : bucket_ns_(span.count() / buckets), buckets_(static_cast<std::size_t>(buckets)) {}

void SlidingWindow::Record(MonotonicTime now, bool failed, bool slow, std::int64_t count) {
  Advance(now);
  BucketOf(newest_).Add(failed, slow, count);
  totals_.Add(failed, slow, count);
}

const CallCounts& SlidingWindow::Totals(MonotonicTime now) {
  Advance(now);
  return totals_;
}

void SlidingWindow::Clear() {
  std::fill(buckets_.begin(), buckets_.end(), CallCounts());
  totals_ = CallCounts();
}

void SlidingWindow::Advance(MonotonicTime now) {
  const std::int64_t epoch = Duration(now.time_since_epoch()).count() / bucket_ns_;
  const auto size = static_cast<std::int64_t>(buckets_.size());
  if (epoch <= newest_) return;
  for (std::int64_t reused = std::max(newest_ + 1, epoch - size + 1); reused <= epoch; ++reused) {
    CallCounts& bucket = BucketOf(reused);
    totals_.calls -= bucket.calls;
    totals_.failed -= bucket.failed;
    totals_.slow -= bucket.slow;
    bucket = CallCounts();
  }
  newest_ = epoch;
}

CallCounts& SlidingWindow::BucketOf(std::int64_t epoch) {
  return buckets_[static_cast<std::size_t>(epoch) % buckets_.size()];
}

}  // namespace scaleout::gateway
