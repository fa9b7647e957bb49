#include "gateway/auth/rate_limiter.h"

#include <optional>
#include <utility>

#include "common/status.h"
#include "common/str_cat.h"
#include "gateway/auth/local_rate_limits.h"
#include "redis/redis_reply.h"
#include "redis/redis_script.h"

namespace scaleout::gateway {
namespace {

using std::chrono::microseconds;

// AskGcra for each key, by its interval and burst in ARGV; then, if all allow it, what is to be
// remembered. Numbers of Lua are doubles, which hold microseconds since 1970 until 2255, but are
// written with 14 digits where nothing else is asked for.
constexpr std::string_view kCharge = R"lua(
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local allowed, which, remaining, next_one = 1, 0, 0, 0
local empty_at = {}
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local before = tonumber(redis.call('GET', key) or '') or now
  before = math.min(math.max(before, now), now + burst)
  empty_at[i] = before + interval
  local room = now + burst - empty_at[i]
  if room < 0 then
    if allowed == 1 or -room > next_one then
      allowed, which, remaining, next_one = 0, i, 0, -room
    end
  elseif allowed == 1 then
    local left = math.floor(room / interval)
    if which == 0 or left < remaining then
      which, remaining, next_one = i, left, interval - room % interval
    end
  end
end
if allowed == 1 then
  for i, key in ipairs(KEYS) do
    local expiry = math.ceil((empty_at[i] - now) / 1000)
    redis.call('SET', key, string.format('%.0f', empty_at[i]), 'PX', string.format('%.0f', expiry))
  end
end
return {allowed, which, remaining, next_one}
)lua";

std::optional<RateLimitDecision> ToDecision(const RedisReply& reply, std::size_t charges) {
  if (reply.size() != 4) return {};
  for (std::size_t i = 0; i < 4; ++i) {
    if (!reply.at(i).is_integer()) return {};
  }
  const std::int64_t which = reply.at(1).integer();
  if (which < 1 || which > static_cast<std::int64_t>(charges)) return {};
  return RateLimitDecision{reply.at(0).integer() == 1, static_cast<std::size_t>(which - 1),
                           reply.at(2).integer(), microseconds(reply.at(3).integer())};
}

Counter& AddCounter(Metrics& metrics, std::string_view policy, std::string_view result) {
  return metrics.AddCounter("gateway_rate_limit_total",
                            "Requests that were counted against a rate limit.",
                            {{"policy", std::string(policy)}, {"result", std::string(result)}});
}

class SharedRateLimiter final : public RateLimiter {
 public:
  SharedRateLimiter(const LoopRedis* redis, std::function<int()> instances, Metrics& metrics,
                    Duration max_wait)
      : redis_(redis),
        instances_(std::move(instances)),
        max_wait_(max_wait),
        local_decisions_(metrics.AddCounter(
            "gateway_rate_limit_local_total",
            "Decisions of rate limits by this instance's share, without redis-state.")) {}

  Task<absl::StatusOr<RateLimitDecision>> Charge(RequestContext& context,
                                                 std::vector<RateLimitCharge> charges) override {
    std::optional<RateLimitDecision> decision;
    if (redis_ != nullptr) {
      Task<std::optional<RateLimitDecision>> asking = Ask(context, charges);
      decision = co_await asking;
    }
    // A client that gives its request no time for Redis gets no decision of the share instead.
    if (!decision && context.Remaining() <= Duration::zero()) {
      co_return absl::DeadlineExceededError("The request's time is over.");
    }
    if (!decision) {
      local_decisions_.Increment();
      decision = local_.Charge(charges, instances_(), context.clock.Now());
    }
    Count(charges, *decision);
    co_return *decision;
  }

 private:
  // Nothing without an answer in time.
  Task<std::optional<RateLimitDecision>> Ask(RequestContext& context,
                                             const std::vector<RateLimitCharge>& charges) {
    std::vector<std::string> keys;
    std::vector<std::string> arguments;
    for (const RateLimitCharge& charge : charges) {
      keys.push_back(charge.key);
      arguments.push_back(StrCat(charge.policy->limit.interval().count()));
      arguments.push_back(StrCat(charge.policy->limit.burst().count()));
    }
    Task<absl::StatusOr<RedisReply>> running =
        RunScript(redis_->Of(context.loop), context, charge_, std::move(keys), std::move(arguments),
                  context.clock.Now() + max_wait_);
    const absl::StatusOr<RedisReply> reply = co_await running;
    std::optional<RateLimitDecision> decision;
    if (reply.ok()) decision = ToDecision(*reply, charges.size());
    co_return decision;
  }

  static void Count(const std::vector<RateLimitCharge>& charges,
                    const RateLimitDecision& decision) {
    if (!decision.allowed) return charges[decision.which].policy->refused.Increment();
    for (const RateLimitCharge& charge : charges) charge.policy->allowed.Increment();
  }

  const LoopRedis* const redis_;
  const std::function<int()> instances_;
  const Duration max_wait_;
  const RedisScript charge_{kCharge};
  LocalRateLimits local_{kMaxLocalRateKeys};
  Counter& local_decisions_;
};

}  // namespace

RateLimitPolicy::RateLimitPolicy(std::string_view name_in, const RateLimit& limit_in,
                                 Metrics& metrics)
    : name(name_in),
      limit(limit_in),
      allowed(AddCounter(metrics, name_in, "allowed")),
      refused(AddCounter(metrics, name_in, "refused")) {}

std::unique_ptr<RateLimiter> MakeRateLimiter(const LoopRedis* redis_state,
                                             std::function<int()> instances, Metrics& metrics,
                                             Duration max_wait) {
  return std::make_unique<SharedRateLimiter>(redis_state, std::move(instances), metrics, max_wait);
}

void NoteRateLimit(RequestContext& context, const RateLimitPolicy& policy,
                   const RateLimitDecision& decision) {
  context.rate_limits.push_back(
      {policy.name, policy.limit.requests, policy.limit.period, decision.remaining, decision.next});
}

absl::Status RateLimited(const RateLimitPolicy& policy, microseconds wait) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait);
  return WithReason(absl::ResourceExhaustedError("Too many requests of this kind."),
                    kReasonRateLimited,
                    {{"policy", policy.name}, {"retryAfterMs", StrCat(ms.count())}});
}

}  // namespace scaleout::gateway
