// Where a Redis server is, as a setting says it and as a socket needs it.
//
// A host name has to be resolved, which can take seconds, so an event loop never does it: it hands
// the address to a RedisResolver and connects to the endpoint. Plain values.
#ifndef SCALEOUT_REDIS_REDIS_ADDRESS_H_
#define SCALEOUT_REDIS_REDIS_ADDRESS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace scaleout {

// A Unix socket's path, or a host (name or IP address) with a port.
struct RedisAddress {
  std::string unix_path;
  std::string host;
  int port = 0;

  friend bool operator==(const RedisAddress&, const RedisAddress&) = default;
};

// Of "unix:/path", "host:port" or "[IPv6 address]:port". INVALID_ARGUMENT says what is wanted.
absl::StatusOr<RedisAddress> ParseRedisAddress(std::string_view text);

// A server and how to be let in.
struct RedisServer {
  RedisAddress address;
  std::string password;  // empty: none
};

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_REDIS_ADDRESS_H_
