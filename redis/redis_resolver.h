// Resolves host names of Redis servers on a thread of its own, so that no event loop waits for a
// name server.
//
// Requests are answered one after the other; at most kMaxWaiting wait. An address without a name (a
// Unix socket, an IP address) is answered at once, by the caller. How long one takes is bounded by
// the C library's resolver, whose defaults main() shortens (RES_OPTIONS). Thread-safe.
#ifndef SCALEOUT_REDIS_REDIS_RESOLVER_H_
#define SCALEOUT_REDIS_REDIS_RESOLVER_H_

#include <cstddef>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "redis/redis_address.h"

namespace scaleout {

// The same on the caller's thread, which waits. An address whose host is an IP address, the first
// that the name has; UNAVAILABLE if there is none.
absl::StatusOr<RedisAddress> ResolveRedisAddress(const RedisAddress& address);

class RedisResolver {
 public:
  static constexpr std::size_t kMaxWaiting = 64;

  // Called once, on the resolver's thread or by the caller of Resolve. An address whose host is an
  // IP address, or UNAVAILABLE.
  using Done = std::function<void(absl::StatusOr<RedisAddress>)>;

  RedisResolver();
  RedisResolver(const RedisResolver&) = delete;
  RedisResolver& operator=(const RedisResolver&) = delete;
  // Waits for the request at work; drops those behind it without a call.
  ~RedisResolver();

  void Resolve(const RedisAddress& address, Done done);

 private:
  class Worker;

  const std::unique_ptr<Worker> worker_;
};

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_REDIS_RESOLVER_H_
