// What the kernel says of this process (/proc): CPU, memory, threads, descriptors. Pure reads,
// thread-safe; a figure that cannot be read is 0. Costs some ten microseconds, and on kernels
// before 6.2 more with the number of open descriptors, which are listed there.
#ifndef SCALEOUT_COMMON_PROCESS_STATS_H_
#define SCALEOUT_COMMON_PROCESS_STATS_H_

#include <cstdint>

namespace scaleout {

struct ProcessStats {
  double cpu_seconds = 0;  // user and system
  std::int64_t resident_bytes = 0;
  std::int64_t threads = 0;
  std::int64_t open_fds = 0;
  double start_time_seconds = 0;  // since the Unix epoch
};

ProcessStats ReadProcessStats();

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_PROCESS_STATS_H_
