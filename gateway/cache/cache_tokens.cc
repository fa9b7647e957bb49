#include "gateway/cache/cache_tokens.h"

#include <chrono>
#include <utility>

#include "common/str_cat.h"
#include "gateway/cache/cache_entry.h"
#include "gateway/cache/token_replacer.h"
#include "gateway/runtime/member_job.h"

namespace scaleout::gateway {
namespace {

// How often a loop that owes a replacement tries to replace the epoch.
constexpr std::chrono::milliseconds kSettlePause{20};

// Makes the tokens that are missing, of the numbers that it is given, and answers all.
constexpr std::string_view kMakeTokens = R"lua(
local tokens = {}
for i, key in ipairs(KEYS) do
  redis.call('SET', key, ARGV[i], 'NX')
  tokens[i] = redis.call('GET', key)
end
return tokens
)lua";

}  // namespace

std::string TokenKey(std::string_view name) { return StrCat("t:", name); }

// Tries to replace the epoch, on a loop that owes replacements.
class CacheTokens::Settlement {
 public:
  Settlement(CacheTokens& tokens, Executor& loop) : tokens_(tokens), loop_(loop) {}

  void TryLater() {
    if (!retry_.armed()) loop_.After(kSettlePause, retry_);
  }
  Executor& loop() const { return loop_; }

 private:
  void Try() { Start(tokens_.Settle(*this)); }

  CacheTokens& tokens_;
  Executor& loop_;
  MemberJob<Settlement, TimerJob> retry_{*this, &Settlement::Try};
};

CacheTokens::CacheTokens(LoopRedis& redis, const std::vector<Executor*>& loops, const Clock& clock,
                         Logger& logger, Metrics& metrics, TokenSource random)
    : redis_(redis),
      clock_(clock),
      logger_(logger),
      metrics_(metrics),
      random_(std::move(random)),
      make_script_(kMakeTokens) {
  for (Executor* const loop : loops)
    settlements_.push_back(std::make_unique<Settlement>(*this, *loop));
}

CacheTokens::~CacheTokens() = default;

Task<absl::StatusOr<std::vector<std::string>>> CacheTokens::Make(RequestContext& context,
                                                                 std::vector<std::string> keys,
                                                                 MonotonicTime until) {
  const std::size_t count = keys.size();
  std::vector<std::string> numbers(count);
  for (std::string& number : numbers) number = NextRandom();
  Task<absl::StatusOr<RedisReply>> making = RunScript(
      redis_.Of(context.loop), context, make_script_, std::move(keys), std::move(numbers), until);
  const absl::StatusOr<RedisReply> reply = co_await making;
  if (!reply.ok()) co_return reply.status();
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view token = reply->at(i).text();
    // Readers with the same tokens are joined, so what is none may not pass for one.
    if (token.size() != kCacheTokenBytes) co_return absl::InternalError("Redis has no token.");
    tokens.emplace_back(token);
  }
  co_return tokens;
}

// One random number for all: it only has to differ from each one's last.
Task<absl::Status> CacheTokens::Set(RedisLink& link, RequestContext& context,
                                    const std::vector<std::string>& keys) {
  const std::string token = NextRandom();
  const std::vector<std::string_view> command = ReplaceCommand(keys, token);
  RedisCall call(link, context, command);
  const absl::StatusOr<RedisReply> reply = co_await call;
  co_return reply.status();
}

Task<void> CacheTokens::Replace(RequestContext& request, std::vector<std::string> keys) {
  if (keys.empty()) co_return;
  RedisLink& link = redis_.Of(request.loop);
  RequestContext context(request.loop, clock_);
  context.route = request.route;
  context.deadline = clock_.Now() + link.config().command_timeout;
  Task<absl::Status> setting = Set(link, context, keys);
  const absl::Status set = co_await setting;
  if (set.ok()) {
    metrics_.delivered.Increment();
    co_return;
  }
  metrics_.owed.Increment();
  owed_.fetch_add(1);
  settlements_[request.loop.index()]->TryLater();
}

Task<void> CacheTokens::Settle(Settlement& settlement) {
  const std::uint64_t owed = owed_.load();
  if (settled_.load() >= owed) co_return;
  active_.fetch_add(1);
  RedisLink& link = redis_.Of(settlement.loop());
  RequestContext context(settlement.loop(), clock_);
  context.deadline = clock_.Now() + link.config().command_timeout;
  const std::vector<std::string> epoch = {std::string(kEpochKey)};
  Task<absl::Status> setting = Set(link, context, epoch);
  const absl::Status set = co_await setting;
  if (set.ok()) {
    std::uint64_t settled = settled_.load();
    while (settled < owed && !settled_.compare_exchange_weak(settled, owed)) {
    }
    // Another loop may have been first.
    if (settled < owed) {
      metrics_.settled.Increment();
      logger_.Info("cache emptied for writes that Redis missed",
                   {{"writes", static_cast<std::int64_t>(owed - settled)}});
    }
  } else {
    settlement.TryLater();
  }
  active_.fetch_sub(1);
}

}  // namespace scaleout::gateway
