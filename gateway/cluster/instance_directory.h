// What all live instances last said of themselves (instance_registry.h), read on an event loop.
//
// One script reads the index, which Redis's own time bounds to entries that have not expired, and
// the entries; never KEYS or SCAN. What is read is bounded, and what exceeds a bound is left out.
// The texts are as they were stored: a caller that shows them checks them first. Loop thread only.
#ifndef SCALEOUT_GATEWAY_CLUSTER_INSTANCE_DIRECTORY_H_
#define SCALEOUT_GATEWAY_CLUSTER_INSTANCE_DIRECTORY_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "gateway/redis/loop_redis.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

// The most that are read; those that were stored last.
inline constexpr std::size_t kMaxInstances = 128;

struct InstanceEntry {
  std::string id;
  std::string description;
};

struct InstanceEntries {
  std::vector<InstanceEntry> entries;
  // Whether redis-state answered, and with all that it holds.
  bool complete = false;
};

class InstanceDirectory {
 public:
  virtual ~InstanceDirectory() = default;
  // Within kMaxRedisStateWait; never fails.
  virtual Task<InstanceEntries> Read(RequestContext& context) = 0;
};

// `expiry` is the registry's. `redis_state` outlives the directory; null: there is none, and
// nothing is ever read.
std::unique_ptr<InstanceDirectory> MakeInstanceDirectory(const LoopRedis* redis_state,
                                                         std::chrono::milliseconds expiry);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CLUSTER_INSTANCE_DIRECTORY_H_
