#include "gateway/redis/redis_config.h"

#include "redis/redis_settings.h"

namespace scaleout::gateway {

using namespace std::chrono_literals;

void DeclareRedisSettings(Settings& settings, RedisConfig& config) {
  settings.Group("Redis");
  DeclareRedisServer(settings, "CACHE", "cached reads; empty: nothing is cached", config.cache);
  DeclareRedisServer(settings, "STATE", "what instances share; empty: nothing is shared",
                     config.state);
  settings.Milliseconds("REDIS_TIMEOUT", config.link.command_timeout, 5ms, 1s,
                        "for the reply to a command on a request's path");
}

}  // namespace scaleout::gateway
