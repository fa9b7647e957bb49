// What the kernel says of this process (/proc/self): CPU, memory, threads, descriptors. Pure reads, thread-safe; a
// figure that cannot be read is 0.
#ifndef SCALEOUT_COMMON_PROCESS_STATS_H_
#define SCALEOUT_COMMON_PROCESS_STATS_H_

#include <cstdint>

namespace scaleout {

struct ProcessStats {
  double cpu_seconds = 0;         // user and system
  std::int64_t resident_bytes = 0;
  std::int64_t threads = 0;
  std::int64_t open_fds = 0;
};

ProcessStats ReadProcessStats();

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_PROCESS_STATS_H_
