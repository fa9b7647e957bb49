#include "gateway/redis/loop_redis.h"

namespace scaleout::gateway {

LoopRedis::LoopRedis(std::string_view name, const RedisServer& server,
                     const RedisLinkConfig& config, const std::vector<Executor*>& loops,
                     const Clock& clock, Logger& logger, Metrics& metrics)
    : metrics_(name, metrics) {
  for (Executor* const loop : loops) {
    links_.push_back(
        std::make_unique<RedisLink>(server, config, *loop, clock, resolver_, logger, metrics_));
  }
}

void LoopRedis::Start() {
  for (const std::unique_ptr<RedisLink>& link : links_) link->Start();
}

}  // namespace scaleout::gateway
