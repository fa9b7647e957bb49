// A Redis server as a program's settings name it: REDIS_<NAME>_ADDRESS and REDIS_<NAME>_PASSWORD.
#ifndef SCALEOUT_REDIS_REDIS_SETTINGS_H_
#define SCALEOUT_REDIS_REDIS_SETTINGS_H_

#include <optional>
#include <string_view>

#include "common/settings.h"
#include "redis/redis_address.h"

namespace scaleout {

// `what` says what the server is for, and what is without it. A malformed address, and a password
// without an address, are problems.
void DeclareRedisServer(Settings& settings, std::string_view name, std::string_view what,
                        std::optional<RedisServer>& server);

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_REDIS_SETTINGS_H_
