#include "redis/revocation_reader.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include "common/str_cat.h"
#include "redis/redis_reply.h"
#include "redis/redis_script.h"

namespace scaleout {
namespace {

// KEYS: the stream, the incarnation. ARGV: after which entry to read, and how many at most; none of
// both: only looks. Answers the incarnation ('' if there is none), the last id that the stream has
// had, how many entries were ever added to it, the entries, and the server's time in ms.
constexpr std::string_view kRead = R"lua(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local text = redis.call('GET', KEYS[2])
if not text then return {'', '0-0', 0, {}, now} end
local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local last, added = '0-0', 0
local entries = {}
if redis.call('EXISTS', KEYS[1]) == 1 then
  local about = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #about, 2 do
    if about[i] == 'last-generated-id' then last = about[i + 1] end
    if about[i] == 'entries-added' then added = about[i + 1] end
  end
  if ARGV[1] then
    entries = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])
  end
end
return {run_id .. ':' .. text, last, added, entries, now}
)lua";

constexpr std::array<std::string_view, 2> kKeys = {kRevocationStream, kRevocationIncarnation};

absl::Status Unexpected() {
  return absl::InternalError("Redis: unexpected reply about the revocations");
}

absl::Status NotBegun() {
  return absl::FailedPreconditionError("no user service has begun the stream of revocations");
}

bool IsLook(const RedisValue& reply) {
  return reply.size() == 5 && reply.at(0).is_text() && reply.at(1).is_text() &&
         reply.at(2).is_integer() && reply.at(3).is_array() && reply.at(4).is_integer();
}

class RedisRevocationReader final : public RevocationReader {
 public:
  RedisRevocationReader(const RedisServer& server, const RedisClientOptions& options,
                        const Clock& clock)
      : command_timeout_(options.command_timeout), read_(kRead), client_(server, options, clock) {}

  absl::StatusOr<RevocationPosition> Begin() override {
    const absl::StatusOr<RedisReply> reply = client_.Run(read_, kKeys, {});
    if (!reply.ok()) return reply.status();
    if (!IsLook(*reply)) return Unexpected();
    if (reply->at(0).text().empty()) return NotBegun();
    return RevocationPosition{.incarnation = std::string(reply->at(0).text()),
                              .last_id = std::string(reply->at(1).text()),
                              .added = reply->at(2).integer()};
  }

  absl::StatusOr<RevocationBatch> Read(RevocationPosition& position, int limit) override {
    const std::size_t most = static_cast<std::size_t>(std::max(limit, 1));
    const std::string count = StrCat(most);
    const std::array<std::string_view, 2> arguments = {position.last_id, count};
    const absl::StatusOr<RedisReply> reply = client_.Run(read_, kKeys, arguments);
    if (!reply.ok()) return reply.status();
    if (!IsLook(*reply)) return Unexpected();
    if (reply->at(0).text() != position.incarnation) {
      return absl::DataLossError("the stream of revocations is another one now");
    }
    const RedisValue entries = reply->at(3);
    RevocationBatch batch;
    batch.server_time = WallTime(std::chrono::milliseconds(reply->at(4).integer()));
    RevocationPosition end = position;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const RedisValue entry = entries.at(i);
      if (!entry.at(0).is_text()) return Unexpected();
      end.last_id = entry.at(0).text();
      ++end.added;
      const RedisValue fields = entry.at(1);
      for (std::size_t field = 0; field + 1 < fields.size(); field += 2) {
        if (fields.at(field).text() != kRevocationField) continue;
        batch.session_ids.emplace_back(fields.at(field + 1).text());
      }
    }
    batch.complete = entries.size() < most;
    // Trimmed before they were read, or removed by hand with the stream itself.
    if (batch.complete &&
        (end.last_id != reply->at(1).text() || end.added != reply->at(2).integer())) {
      return absl::DataLossError("the stream of revocations has lost entries");
    }
    position = std::move(end);
    return batch;
  }

  absl::Status Wait(const RevocationPosition& position, Duration at_most) override {
    // 0 would be for ever.
    const auto wait = std::max(std::chrono::ceil<std::chrono::milliseconds>(at_most),
                               std::chrono::milliseconds(1));
    const std::string block = StrCat(wait.count());
    const std::array<std::string_view, 8> command = {
        "XREAD", "COUNT", "1", "BLOCK", block, "STREAMS", kKeys[0], position.last_id};
    return client_.Ask(command, wait + command_timeout_).status();
  }

 private:
  const Duration command_timeout_;
  const RedisScript read_;
  RedisClient client_;
};

}  // namespace

std::unique_ptr<RevocationReader> MakeRedisRevocationReader(const RedisServer& server,
                                                            const RedisClientOptions& options,
                                                            const Clock& clock) {
  return std::make_unique<RedisRevocationReader>(server, options, clock);
}

}  // namespace scaleout
