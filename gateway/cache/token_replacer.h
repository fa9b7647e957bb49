// Replaces tokens of the cache from a thread that may wait, as CacheTokens does from a loop. What
// Redis does not take is the caller's to try again. Not thread-safe.
#ifndef SCALEOUT_GATEWAY_CACHE_TOKEN_REPLACER_H_
#define SCALEOUT_GATEWAY_CACHE_TOKEN_REPLACER_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/clock.h"
#include "gateway/cache/token_source.h"
#include "redis/redis_address.h"
#include "redis/redis_client.h"

namespace scaleout::gateway {

// The one command that gives all of `keys` the token. Views of both.
std::vector<std::string_view> ReplaceCommand(const std::vector<std::string>& keys,
                                             std::string_view token);

class TokenReplacer {
 public:
  // `clock` outlives the object.
  TokenReplacer(const RedisServer& server, const RedisClientOptions& options, const Clock& clock,
                TokenSource random);

  // Of tokens by their names (cache_names.h); of none: the epoch, which invalidates all.
  absl::Status Replace(const std::vector<std::string>& names);

 private:
  RedisClient redis_;
  const TokenSource random_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CACHE_TOKEN_REPLACER_H_
