// The moments that messages carry: WallTime as protobuf's Timestamp. Pure.
#ifndef SCALEOUT_SERVICE_WALL_TIME_H_
#define SCALEOUT_SERVICE_WALL_TIME_H_

#include <google/protobuf/timestamp.pb.h>

#include <chrono>
#include <cstdint>

#include "common/clock.h"

namespace scaleout {

inline void ToProto(WallTime time, google::protobuf::Timestamp& timestamp) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  timestamp.set_seconds(seconds.time_since_epoch().count());
  timestamp.set_nanos(static_cast<std::int32_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time - seconds).count()));
}

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_WALL_TIME_H_
