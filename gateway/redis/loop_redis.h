// One Redis server as the gateway uses it: a link (redis_link.h) for each event loop.
#ifndef SCALEOUT_GATEWAY_REDIS_LOOP_REDIS_H_
#define SCALEOUT_GATEWAY_REDIS_LOOP_REDIS_H_

#include <memory>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/redis/redis_link.h"
#include "gateway/runtime/executor.h"
#include "redis/redis_address.h"
#include "redis/redis_resolver.h"

namespace scaleout::gateway {

class LoopRedis {
 public:
  // `server` is its name in metrics and logs. Links for `loops`, by their indices; nothing connects
  // before Start. The references outlive the object.
  LoopRedis(std::string_view name, const RedisServer& server, const RedisLinkConfig& config,
            const std::vector<Executor*>& loops, const Clock& clock, Logger& logger,
            Metrics& metrics);

  void Start();
  RedisLink& Of(const Executor& loop) const { return *links_[loop.index()]; }

 private:
  RedisMetrics metrics_;
  std::vector<std::unique_ptr<RedisLink>> links_;
  // Destroyed first: its thread calls the links.
  RedisResolver resolver_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_REDIS_LOOP_REDIS_H_
