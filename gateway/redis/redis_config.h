// Where a gateway's Redis servers are, as settings. A server without an address is not used: reads
// are not cached then, and what is shared over it is unavailable.
#ifndef SCALEOUT_GATEWAY_REDIS_REDIS_CONFIG_H_
#define SCALEOUT_GATEWAY_REDIS_REDIS_CONFIG_H_

#include <chrono>
#include <optional>

#include "common/settings.h"
#include "gateway/redis/redis_link.h"
#include "redis/redis_address.h"

namespace scaleout::gateway {

struct RedisConfig {
  std::optional<RedisServer> cache;  // may forget: cached reads
  std::optional<RedisServer> state;  // may not: the shared counter, the instance registry
  RedisLinkConfig link;
};

// Declares its settings. A malformed address, and a password without an address, are problems.
void DeclareRedisSettings(Settings& settings, RedisConfig& config);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_REDIS_REDIS_CONFIG_H_
