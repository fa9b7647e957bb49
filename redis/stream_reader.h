// The reading side of streams on a Redis server: one consumer of a group, over several streams.
//
// Each entry goes to one consumer of the group and stays pending until it is acknowledged. One that
// stays pending, because its consumer died or left it for later, is claimed by whichever consumer
// asks once it has been idle for long enough; so an entry may come more than once, to two consumers
// at a time, and after entries that were written later. A stream or a group that does not exist yet
// is made, beginning at the stream's first entry.
//
// UNAVAILABLE or DEADLINE_EXCEEDED: the server is away; entries that it has given out are pending.
// Implementations are used by one thread at a time.
#ifndef SCALEOUT_REDIS_STREAM_READER_H_
#define SCALEOUT_REDIS_STREAM_READER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "redis/redis_address.h"
#include "redis/redis_client.h"
#include "redis/stream_entry.h"

namespace scaleout {

// What the group has before it, of one stream.
struct StreamBacklog {
  std::string stream;
  std::int64_t length = 0;   // entries that it holds
  std::int64_t lag = 0;      // of them, not given out to the group yet
  std::int64_t pending = 0;  // given out and not acknowledged
};

class StreamReader {
 public:
  virtual ~StreamReader() = default;

  // At most `limit` entries of each stream that no consumer of the group has had, in the stream's
  // order; waits up to `wait` for the first. None if there are none.
  virtual absl::StatusOr<std::vector<StreamEntry>> ReadNew(int limit, Duration wait) = 0;
  // At most `limit` entries of each stream that have been pending for `idle` since they were last
  // given out, by any consumer; each call goes on where the last one stopped.
  virtual absl::StatusOr<std::vector<StreamEntry>> ClaimIdle(int limit, Duration idle) = 0;
  // Entries of one stream. One that is not pending any more is passed over.
  virtual absl::Status Acknowledge(const std::string& stream, std::span<const std::string> ids) = 0;
  virtual absl::StatusOr<std::vector<StreamBacklog>> Backlogs() = 0;
  // Removes consumers of the group that have nothing pending and have not asked for `idle`:
  // replicas that are gone.
  virtual absl::Status ForgetConsumers(Duration idle) = 0;
};

struct StreamGroup {
  std::vector<std::string> streams;
  std::string group;
  std::string consumer;  // unique in the group
};

// `options.command_timeout` comes on top of what ReadNew() waits. `clock` outlives the reader.
std::unique_ptr<StreamReader> MakeRedisStreamReader(const RedisServer& server,
                                                    const RedisClientOptions& options,
                                                    StreamGroup group, const Clock& clock);

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_STREAM_READER_H_
