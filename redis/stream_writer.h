// The writing side of streams on a Redis server: one writer at a time appends, and removes what
// every group of consumers has acknowledged.
//
// A stream lives as long as its incarnation: a random text in a key of its own, together with the
// server's run id. A flush takes the key, a restart has another run id, also where the server has
// loaded what it had, and a stream that was removed has not come as far as the key says. All of
// them may have lost entries, so each command names the incarnation that its caller believes in,
// and does nothing in another; the caller then begins a new one and sends again what was not
// acknowledged.
//
// An entry's id is the number that the caller gave it, and numbers only rise. So what a writer that
// was frozen sends late is refused by the server.
//
// UNAVAILABLE or DEADLINE_EXCEEDED: the server is away, and what was asked may have been done.
// RESOURCE_EXHAUSTED: it is full. Implementations are used by one thread at a time.
#ifndef SCALEOUT_REDIS_STREAM_WRITER_H_
#define SCALEOUT_REDIS_STREAM_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "redis/redis_address.h"
#include "redis/redis_client.h"
#include "redis/stream_entry.h"

namespace scaleout {

struct NumberedEntry {
  std::int64_t number = 0;  // 1 to 2^53 - 1
  StreamFields fields;
};

enum class StreamVerdict {
  kDone,
  kOtherIncarnation,
  kFull,          // the stream would hold more than it may
  kNumberTooLow,  // not above `last_number`
};

struct AppendAnswer {
  StreamVerdict verdict = StreamVerdict::kDone;
  std::int64_t last_number = 0;  // the highest that the stream has had
};

struct TrimAnswer {
  StreamVerdict verdict = StreamVerdict::kDone;  // kDone or kOtherIncarnation
  // Entries with a number up to this one were acknowledged by every group, and are gone.
  std::int64_t acknowledged = 0;
  std::int64_t length = 0;  // entries that are left
};

class StreamWriter {
 public:
  virtual ~StreamWriter() = default;

  // Empties the stream and makes the groups, which begin at its first entry. The incarnation, which
  // is never empty.
  virtual absl::StatusOr<std::string> Begin(const std::string& stream,
                                            std::span<const std::string> groups) = 0;
  // All of `entries`, whose numbers rise, or none.
  virtual absl::StatusOr<AppendAnswer> Append(const std::string& stream,
                                              const std::string& incarnation,
                                              std::int64_t max_length,
                                              std::span<const NumberedEntry> entries) = 0;
  // By all groups that there are. One of `groups` that is missing counts as another incarnation.
  virtual absl::StatusOr<TrimAnswer> TrimAcknowledged(const std::string& stream,
                                                      const std::string& incarnation,
                                                      std::span<const std::string> groups) = 0;
};

// `clock` outlives the writer.
std::unique_ptr<StreamWriter> MakeRedisStreamWriter(const RedisServer& server,
                                                    const RedisClientOptions& options,
                                                    const Clock& clock);

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_STREAM_WRITER_H_
