#include "redis/revocation_publisher.h"

#include <array>
#include <chrono>
#include <string_view>
#include <vector>

#include "common/str_cat.h"
#include "redis/incarnation_text.h"
#include "redis/redis_script.h"

namespace scaleout {
namespace {

// KEYS: the stream, the incarnation. ARGV: a new random text, the age in ms, the greatest length,
// the field, the ids. Ages are by the server's clock, as the entries' ids are.
constexpr std::string_view kPublish = R"lua(
redis.call('SET', KEYS[2], ARGV[1], 'NX')
for i = 5, #ARGV do redis.call('XADD', KEYS[1], '*', ARGV[4], ARGV[i]) end
local now = redis.call('TIME')
local oldest = now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(ARGV[2])
redis.call('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', oldest))
redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[3])
local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
return run_id .. ':' .. redis.call('GET', KEYS[2])
)lua";

constexpr std::array<std::string_view, 2> kKeys = {kRevocationStream, kRevocationIncarnation};

class RedisRevocationPublisher final : public RevocationPublisher {
 public:
  RedisRevocationPublisher(const RedisServer& server, const RevocationPublisherOptions& options,
                           const Clock& clock)
      : age_ms_(StrCat(std::chrono::ceil<std::chrono::milliseconds>(options.age).count())),
        max_entries_(StrCat(options.max_entries)),
        publish_(kPublish),
        client_(server, options.client, clock) {}

  absl::StatusOr<std::string> Publish(std::span<const std::string> session_ids) override {
    // Another one each time: after a flush the incarnation must be another one, too.
    const std::string random = MakeIncarnationText();
    std::vector<std::string_view> arguments = {random, age_ms_, max_entries_, kRevocationField};
    arguments.insert(arguments.end(), session_ids.begin(), session_ids.end());
    const absl::StatusOr<RedisReply> reply = client_.Run(publish_, kKeys, arguments);
    if (!reply.ok()) return reply.status();
    if (!reply->is_text() || reply->text().empty()) {
      return absl::InternalError("Redis: a script on the revocations has answered something else");
    }
    return std::string(reply->text());
  }

 private:
  const std::string age_ms_;
  const std::string max_entries_;
  const RedisScript publish_;
  RedisClient client_;
};

}  // namespace

std::unique_ptr<RevocationPublisher> MakeRedisRevocationPublisher(
    const RedisServer& server, const RevocationPublisherOptions& options, const Clock& clock) {
  return std::make_unique<RedisRevocationPublisher>(server, options, clock);
}

}  // namespace scaleout
