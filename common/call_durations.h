// The histograms of one RPC's duration, one for each status code, as both ends of a call have them.
//
// A series is made when its code first occurs: most codes never do, and a page with 17 series for
// each method would be mostly zeros. Observe is thread-safe; only the first call of a code locks.
#ifndef SCALEOUT_COMMON_CALL_DURATIONS_H_
#define SCALEOUT_COMMON_CALL_DURATIONS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/clock.h"
#include "common/metrics.h"

namespace scaleout {

class CallDurations {
 public:
  // `labels` are those beside `code`. `metrics` outlives the object.
  CallDurations(Metrics& metrics, std::string_view name, std::string_view help,
                MetricLabels labels);

  // A number that is no code counts as UNKNOWN.
  void Observe(absl::StatusCode code, Duration took);

 private:
  static constexpr std::size_t kCodes = 17;

  Metrics& metrics_;
  const std::string name_;
  const std::string help_;
  const MetricLabels labels_;
  std::array<std::atomic<Histogram*>, kCodes> histograms_{};
};

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_CALL_DURATIONS_H_
