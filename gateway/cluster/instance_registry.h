// An instance's entry in the list of all instances, on redis-state: what it last said of itself.
//
// A thread of the registry's own describes the instance every `interval` and stores that with an
// expiry, and in an index by Redis's own time; so a blocked event loop does not make the instance
// vanish, and one that was killed is gone after the expiry. In the same step members of the index
// that have not been renewed within the expiry are removed. Where redis-state is away or frozen the
// thread goes on describing, and stores again when it can; a flush is repaired by the next round.
// Each process is an entry; one that starts under the id of another replaces it. The description is
// an opaque text. Thread-safe, but for Start and Leave, which are the owner's. Why it is so:
// docs/adr/2026-11-22-instance-registry.md.
#ifndef SCALEOUT_GATEWAY_CLUSTER_INSTANCE_REGISTRY_H_
#define SCALEOUT_GATEWAY_CLUSTER_INSTANCE_REGISTRY_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "redis/redis_address.h"
#include "redis/redis_client.h"
#include "redis/redis_script.h"

namespace scaleout::gateway {

// A sorted set of the instances' ids, by the time of their last entry in ms; and the entry of one.
inline constexpr std::string_view kInstanceIndexKey = "instances:index";
inline constexpr std::string_view kInstanceKeyPrefix = "instances:entry:";
// Of an instance's id and description together; a longer one is neither stored nor read.
inline constexpr std::size_t kMaxInstanceBytes = 4096;

struct InstanceRegistryConfig {
  std::chrono::milliseconds interval{1'000};
  std::chrono::milliseconds expiry{5'000};
  // The interval is the pause between attempts.
  RedisClientOptions redis = {.connect_timeout = std::chrono::milliseconds(250),
                              .command_timeout = std::chrono::milliseconds(250),
                              .retry_pause = Duration::zero()};
};

class InstanceRegistry {
 public:
  using Describe = std::function<std::string()>;

  // Without a server it only describes. `describe` is called here, and then by the registry's
  // thread alone. The references outlive the registry.
  InstanceRegistry(std::string id, const std::optional<RedisServer>& server,
                   const InstanceRegistryConfig& config, Describe describe, const Clock& clock,
                   Logger& logger, Metrics& metrics);
  InstanceRegistry(const InstanceRegistry&) = delete;
  InstanceRegistry& operator=(const InstanceRegistry&) = delete;
  ~InstanceRegistry() { Leave(); }

  void Start();
  // A round now, because what the instance says has changed.
  void Renew();
  // Ends the thread and removes the entry, unless another process has replaced it or redis-state
  // does not answer. For good.
  void Leave();

  // The latest description.
  std::string self() const;
  // How many instances there were when redis-state answered last, this one included; 1 before it
  // has. Any thread.
  int instances() const { return instances_.load(std::memory_order_relaxed); }

 private:
  void Run();
  void Round();
  absl::Status Store(std::string_view description);
  void Count(const absl::Status& stored);
  void Remove();

  const std::string id_;
  const std::string key_;
  const InstanceRegistryConfig config_;
  const std::string expiry_ms_;
  const Describe describe_;
  Logger& logger_;
  Counter& stored_;
  Counter& failed_;
  const RedisScript store_;
  const RedisScript remove_;

  // The thread's own.
  std::optional<RedisClient> redis_;
  std::string last_stored_;
  bool logged_away_ = false;

  std::atomic<int> instances_{1};

  mutable std::mutex mutex_;  // over what follows
  std::condition_variable wake_;
  bool stopping_ = false;
  bool renew_ = false;
  std::string self_;

  std::thread thread_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CLUSTER_INSTANCE_REGISTRY_H_
