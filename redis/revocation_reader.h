// The reading side of the stream of revocations (revocation_stream.h), for a thread of each
// gateway.
//
//   position = reader->Begin()         what was added before is known from elsewhere: read it now
//   reader->Read(position)             what was added since, time and again
//   reader->Wait(position, 125ms)      until there is something to be read
//
// A position says where in which incarnation of the stream its reader is, and how many entries
// that incarnation has had. Nothing that was added after Begin() is passed over: Read() is
// DATA_LOSS where something may have been, and its caller begins anew.
//
// FAILED_PRECONDITION: no publisher has made the stream's incarnation yet. UNAVAILABLE or
// DEADLINE_EXCEEDED: the server is away. Implementations are used by one thread at a time.
#ifndef SCALEOUT_REDIS_REVOCATION_READER_H_
#define SCALEOUT_REDIS_REVOCATION_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "redis/redis_address.h"
#include "redis/redis_client.h"
#include "redis/revocation_stream.h"

namespace scaleout {

struct RevocationPosition {
  std::string incarnation;
  std::string last_id;     // of an entry: "17-0"
  std::int64_t added = 0;  // entries that the stream has had up to it, trimmed ones too
};

struct RevocationBatch {
  // What the entries hold; an entry that has no such field is passed over.
  std::vector<std::string> session_ids;
  // Whether these are all that the stream had.
  bool complete = true;
  WallTime server_time;  // by the server's clock, when it looked
};

class RevocationReader {
 public:
  virtual ~RevocationReader() = default;

  // The end of the stream as it is now.
  virtual absl::StatusOr<RevocationPosition> Begin() = 0;
  // At most `limit` entries after `position`, which is then after them. Does not wait for entries.
  virtual absl::StatusOr<RevocationBatch> Read(RevocationPosition& position, int limit) = 0;
  // Returns when there is an entry after `position`, or when `at_most` has passed. A hint: it says
  // nothing about the incarnation.
  virtual absl::Status Wait(const RevocationPosition& position, Duration at_most) = 0;
};

// `options.command_timeout` comes on top of what Wait() waits. `clock` outlives the reader.
std::unique_ptr<RevocationReader> MakeRedisRevocationReader(const RedisServer& server,
                                                            const RedisClientOptions& options,
                                                            const Clock& clock);

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_REVOCATION_READER_H_
