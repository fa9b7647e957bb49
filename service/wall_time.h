// The moments that rows and messages carry, between PostgreSQL's microseconds, WallTime and
// protobuf's Timestamp.
#ifndef SCALEOUT_SERVICE_WALL_TIME_H_
#define SCALEOUT_SERVICE_WALL_TIME_H_

#include <google/protobuf/timestamp.pb.h>

#include <chrono>
#include <cstdint>

#include "common/clock.h"

namespace scaleout {

// Microseconds since 1970, as `(extract(epoch FROM t) * 1000000)::bigint` tells them.
inline WallTime WallTimeFromMicros(std::int64_t micros) {
  return WallTime(
      std::chrono::duration_cast<WallTime::duration>(std::chrono::microseconds(micros)));
}

inline void ToProto(WallTime time, google::protobuf::Timestamp& timestamp) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  timestamp.set_seconds(seconds.time_since_epoch().count());
  timestamp.set_nanos(static_cast<std::int32_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time - seconds).count()));
}

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_WALL_TIME_H_
