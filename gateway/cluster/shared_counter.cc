#include "gateway/cluster/shared_counter.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "common/status.h"
#include "common/str_cat.h"
#include "redis/redis_script.h"

namespace scaleout::gateway {
namespace {

constexpr std::string_view kCountKey = "counter:count";
constexpr std::string_view kSinceKey = "counter:since";

// A counter without its beginning begins now.
constexpr std::string_view kNext = R"lua(
local count = redis.call('INCR', KEYS[1])
local since = redis.call('GET', KEYS[2])
if count == 1 or not since then
  local now = redis.call('TIME')
  since = now[1] .. string.format('%06d', now[2])
  redis.call('SET', KEYS[2], since)
end
return {count, since}
)lua";

// A link that broke tries again at the latest after so long.
constexpr std::chrono::milliseconds kRetryAfter{1'000};

absl::Status Unavailable(std::string_view why) {
  return WithReason(absl::UnavailableError(StrCat("The shared counter is unavailable: ", why)),
                    kReasonSharedCounterUnavailable,
                    {{"retryAfterMs", StrCat(kRetryAfter.count())}});
}

std::optional<SharedCount> ToCount(const RedisReply& reply) {
  SharedCount count;
  if (reply.size() != 2 || !reply.at(0).is_integer()) return std::nullopt;
  count.count = reply.at(0).integer();
  if (!absl::SimpleAtoi(ToAbsl(reply.at(1).text()), &count.since_micros)) return std::nullopt;
  return count;
}

class RedisSharedCounter final : public SharedCounter {
 public:
  explicit RedisSharedCounter(const LoopRedis& redis) : redis_(redis) {}

  Task<absl::StatusOr<SharedCount>> Next(RequestContext& context) override {
    std::vector<std::string> keys = {std::string(kCountKey), std::string(kSinceKey)};
    Task<absl::StatusOr<RedisReply>> asking =
        RunScript(redis_.Of(context.loop), context, next_, std::move(keys), {},
                  context.clock.Now() + kMaxRedisStateWait);
    const absl::StatusOr<RedisReply> reply = co_await asking;
    if (absl::IsDeadlineExceeded(reply.status()) && context.Remaining() <= Duration::zero()) {
      co_return reply.status();
    }
    if (!reply.ok()) co_return Unavailable(FromAbsl(reply.status().message()));
    const std::optional<SharedCount> count = ToCount(*reply);
    if (!count) co_return Unavailable("Redis holds something else in its place.");
    co_return *count;
  }

 private:
  const LoopRedis& redis_;
  const RedisScript next_{kNext};
};

class NoSharedCounter final : public SharedCounter {
 public:
  Task<absl::StatusOr<SharedCount>> Next(RequestContext&) override {
    co_return Unavailable("this instance has no redis-state (REDIS_STATE_ADDRESS).");
  }
};

}  // namespace

std::unique_ptr<SharedCounter> MakeSharedCounter(const LoopRedis* redis_state) {
  if (redis_state == nullptr) return std::make_unique<NoSharedCounter>();
  return std::make_unique<RedisSharedCounter>(*redis_state);
}

}  // namespace scaleout::gateway
