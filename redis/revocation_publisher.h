// The writing side of the stream of revocations (revocation_stream.h).
//
// Publishing makes the stream's incarnation if there is none, appends, and removes what is too old,
// in one step of the server: there is never an entry without an incarnation. Several publishers may
// be at work, and an id may be published more than once.
//
// UNAVAILABLE or DEADLINE_EXCEEDED: the server is away, and what was asked may have been done.
// RESOURCE_EXHAUSTED: it is full. Implementations are used by one thread at a time.
#ifndef SCALEOUT_REDIS_REVOCATION_PUBLISHER_H_
#define SCALEOUT_REDIS_REVOCATION_PUBLISHER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "redis/redis_address.h"
#include "redis/redis_client.h"
#include "redis/revocation_stream.h"

namespace scaleout {

class RevocationPublisher {
 public:
  virtual ~RevocationPublisher() = default;

  // Appends all of `session_ids`, which may be none, or none of them. OK once the server has
  // acknowledged it: the incarnation that they are in.
  virtual absl::StatusOr<std::string> Publish(std::span<const std::string> session_ids) = 0;
};

struct RevocationPublisherOptions {
  RedisClientOptions client;
  Duration age = kRevocationAge;
  std::int64_t max_entries = kMaxRevocationEntries;
};

// `clock` outlives the publisher.
std::unique_ptr<RevocationPublisher> MakeRedisRevocationPublisher(
    const RedisServer& server, const RevocationPublisherOptions& options, const Clock& clock);

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_REVOCATION_PUBLISHER_H_
