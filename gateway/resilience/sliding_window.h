// Counts of calls over the last span of time: a ring of buckets and their running total.
//
// resilience4j's TIME_BASED window. It forgets a whole bucket at a time, so what it remembers is
// between (buckets - 1) / buckets of the span and all of it. A time that runs backwards counts into
// the newest bucket. The caller brings the time and the lock; every operation is constant-time
// but for the buckets it forgets.
#ifndef SCALEOUT_GATEWAY_RESILIENCE_SLIDING_WINDOW_H_
#define SCALEOUT_GATEWAY_RESILIENCE_SLIDING_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/clock.h"

namespace scaleout::gateway {

struct CallCounts {
  void Add(bool call_failed, bool call_slow, std::int64_t count = 1) {
    calls += count;
    failed += call_failed ? count : 0;
    slow += call_slow ? count : 0;
  }
  // 0 while there are no calls.
  double FailureRatio() const { return Ratio(failed); }
  double SlowRatio() const { return Ratio(slow); }

  friend bool operator==(const CallCounts&, const CallCounts&) = default;

  std::int64_t calls = 0;
  std::int64_t failed = 0;
  std::int64_t slow = 0;  // failed or not

 private:
  double Ratio(std::int64_t part) const {
    return calls == 0 ? 0 : static_cast<double>(part) / static_cast<double>(calls);
  }
};

class SlidingWindow {
 public:
  // `span` is at least `buckets` nanoseconds, `buckets` at least 1.
  SlidingWindow(Duration span, int buckets);

  // So many calls that ended alike.
  void Record(MonotonicTime now, bool failed, bool slow, std::int64_t count = 1);
  const CallCounts& Totals(MonotonicTime now);
  void Clear();

  // In no order; their sum is the total.
  const std::vector<CallCounts>& buckets() const { return buckets_; }

 private:
  void Advance(MonotonicTime now);
  CallCounts& BucketOf(std::int64_t epoch);

  const std::int64_t bucket_ns_;
  std::vector<CallCounts> buckets_;
  CallCounts totals_;
  std::int64_t newest_ =
      0;  // the newest bucket's place in time, in buckets since the clock's epoch
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RESILIENCE_SLIDING_WINDOW_H_
