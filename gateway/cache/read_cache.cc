#include "gateway/cache/read_cache.h"

#include <algorithm>

#include "common/status.h"
#include "common/str_cat.h"
#include "gateway/cache/cache_names.h"
#include "gateway/runtime/sleep.h"

namespace scaleout::gateway {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

// Of the time to live, either way: values that were stored together do not end together.
constexpr double kTtlJitter = 0.1;
// A lock ends by itself so long after the others have stopped waiting for it.
constexpr milliseconds kLockMargin{50};
// How often a replica looks whether the other one is done: soon at first.
constexpr milliseconds kFirstLook{1};
constexpr milliseconds kLongestPause{10};

// Stores a value, unless there is none, and gives the lock back, unless it is another's by now.
constexpr std::string_view kStore = R"lua(
if ARGV[1] ~= '' then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
if redis.call('GET', KEYS[2]) == ARGV[3] then redis.call('DEL', KEYS[2]) end
return 0
)lua";

bool AreAllThere(const std::vector<std::string>& tokens) {
  return std::ranges::none_of(tokens, &std::string::empty);
}

// Of an array with a token at `first` and behind; empty where there is none.
std::vector<std::string> TokensOf(const RedisReply& reply, std::size_t first) {
  std::vector<std::string> tokens;
  for (std::size_t i = first; i < reply.size(); ++i) {
    const std::string_view token = reply.at(i).text();
    tokens.emplace_back(token.size() == kCacheTokenBytes ? token : std::string_view());
  }
  return tokens;
}

bool AreCurrent(const CacheEntry& entry, const RedisReply& reply, std::size_t first) {
  if (entry.tokens.size() + first != reply.size()) return false;
  for (std::size_t i = 0; i < entry.tokens.size(); ++i) {
    if (entry.tokens[i] != reply.at(first + i).text()) return false;
  }
  return true;
}

std::string FlightId(const CacheQuery& query, const std::vector<std::string>& tokens) {
  std::string id = query.key;
  for (const std::string& token : tokens) StrAppend(&id, ":", token);
  return id;
}

SharedAnswer Share(absl::StatusOr<std::string> answer) {
  if (!answer.ok()) return answer.status();
  return std::make_shared<const std::string>(*std::move(answer));
}

SharedAnswer AnswerOf(const CacheEntry& entry) {
  if (entry.negative) return StatusOfNegative(entry.payload);
  return std::make_shared<const std::string>(entry.payload);
}

// Counts itself for as long as it lives.
class Counted {
 public:
  explicit Counted(std::atomic<int>& count) : count_(count) { count_.fetch_add(1); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { count_.fetch_sub(1); }

 private:
  std::atomic<int>& count_;
};

}  // namespace

CacheQuery::CacheQuery(std::string key_in, std::vector<std::string> token_names)
    : key(StrCat("v:", key_in)), token_keys(std::move(token_names)) {
  for (std::string& name : token_keys) name = TokenKey(name);
  token_keys.emplace_back(kEpochKey);
}

void CacheQuery::SetPrincipal(const Principal& reader) {
  principal = reader;
  StrAppend(&key, ":", PrincipalName(reader));
}

struct ReadCache::Plan {
  Plan(std::shared_ptr<CacheFlight> flight_in, const CachedMethod& method_in, CacheQuery query_in,
       std::vector<std::string> tokens_in, MonotonicTime until_in, FillFunction fill_in)
      : flight(std::move(flight_in)),
        method(method_in),
        query(std::move(query_in)),
        tokens(std::move(tokens_in)),
        until(until_in),
        fill(std::move(fill_in)) {}

  std::shared_ptr<CacheFlight> flight;
  const CachedMethod& method;
  CacheQuery query;
  std::vector<std::string> tokens;
  MonotonicTime until;
  FillFunction fill;
  std::string lock_key;  // empty: it takes no lock
  std::string owner;     // what the lock holds
  bool locked = false;
};

ReadCache::ReadCache(const CacheConfig& config, LoopRedis& redis,
                     const std::vector<Executor*>& loops, const Clock& clock, Logger& logger,
                     Metrics& metrics, TokenSource random)
    : config_(config),
      redis_(redis),
      clock_(clock),
      random_(random),
      tokens_(redis, loops, clock, logger, metrics, std::move(random)),
      store_script_(kStore),
      on_loops_(loops.size()) {}

ReadCache::~ReadCache() = default;

Task<CacheFound> ReadCache::Find(RequestContext& context, const CachedMethod& method,
                                 const CacheQuery& query) {
  CacheFound found;
  RedisLink& link = redis_.Of(context.loop);
  found.until = clock_.Now() + link.config().command_timeout;
  if (!tokens_.settled()) co_return found;
  std::vector<std::string_view> command = {"MGET", query.key};
  command.insert(command.end(), query.token_keys.begin(), query.token_keys.end());
  RedisCall call(link, context, command, found.until);
  absl::StatusOr<RedisReply> reply = co_await call;
  if (!reply.ok() || reply->size() != query.token_keys.size() + 1) co_return found;

  found.result = CacheResult::kMiss;
  std::optional<CacheEntry> entry = DecodeCacheEntry(reply->at(0).text());
  if (entry && !AreCurrent(*entry, *reply, 1)) {
    method.metrics.CountTokenMismatch();
    entry.reset();
  }
  const WallTime now = clock_.WallNow();
  if (entry && !context.revalidate && now < entry->times.stale_until) {
    found.result = now < entry->times.fresh_until ? CacheResult::kHit : CacheResult::kStale;
    context.cache.result = found.result;
    context.cache.age =
        std::max(milliseconds(0), duration_cast<milliseconds>(now - entry->times.stored));
    context.cache.fresh_for = duration_cast<milliseconds>(entry->times.fresh_until - now);
    found.entry = std::move(entry);
  }
  if (found.result != CacheResult::kHit) found.tokens = TokensOf(*reply, 1);
  found.reply = *std::move(reply);
  co_return found;
}

Task<SharedAnswer> ReadCache::Fill(RequestContext& context, const CachedMethod& method,
                                   CacheQuery query, std::vector<std::string> tokens,
                                   MonotonicTime until, FillFunction fill) {
  context.cache = CacheNote{.result = CacheResult::kMiss, .revalidated = context.revalidate};
  if (tokens.size() != query.token_keys.size() || !AreAllThere(tokens)) {
    Task<absl::StatusOr<std::vector<std::string>>> making =
        tokens_.Make(context, query.token_keys, until);
    absl::StatusOr<std::vector<std::string>> made = co_await making;
    if (!made.ok()) {
      context.cache.result = CacheResult::kBypass;
      Task<absl::StatusOr<std::string>> asking = fill(context);
      absl::StatusOr<std::string> answer = co_await asking;
      co_return Share(std::move(answer));
    }
    tokens = *std::move(made);
  }
  std::string id = FlightId(query, tokens);
  OnLoop& here = on_loops_[context.loop.index()];
  const auto known = here.flights.find(id);
  std::shared_ptr<CacheFlight> flight;
  if (known != here.flights.end() && !context.revalidate) {
    flight = known->second;
    context.cache.joined = true;
    method.metrics.CountJoined();
  } else {
    flight = std::make_shared<CacheFlight>(context, query.principal, clock_.Now() + kFillTime);
    // What its client wants anew is not joined: what is under way may be older than the wish.
    if (!context.revalidate && config_.single_flight) flight->id = std::move(id);
    StartFlight(std::make_unique<Plan>(flight, method, std::move(query), std::move(tokens), until,
                                       std::move(fill)));
  }
  FlightWaiter waiter(flight, context);
  SharedAnswer answer = co_await waiter;
  context.cache.joined |= flight->context.cache.joined;
  co_return answer;
}

void ReadCache::Refresh(RequestContext& context, const CachedMethod& method, CacheQuery query,
                        std::vector<std::string> tokens, FillFunction fill) {
  OnLoop& here = on_loops_[context.loop.index()];
  std::string id = FlightId(query, tokens);
  if (here.refreshes >= kMaxRefreshes || here.flights.contains(id)) return;
  auto flight = std::make_shared<CacheFlight>(context, query.principal, clock_.Now() + kFillTime);
  if (config_.single_flight) flight->id = std::move(id);
  flight->refresh = true;
  const MonotonicTime until = clock_.Now() + redis_.Of(context.loop).config().command_timeout;
  StartFlight(std::make_unique<Plan>(std::move(flight), method, std::move(query), std::move(tokens),
                                     until, std::move(fill)));
}

Task<void> ReadCache::Invalidate(RequestContext& context, const std::vector<std::string>& names) {
  std::vector<std::string> keys;
  for (const std::string& name : names) keys.push_back(TokenKey(name));
  return tokens_.Replace(context, std::move(keys));
}

// A flight without an id is in no list, so no reader joins it.
void ReadCache::StartFlight(std::unique_ptr<Plan> plan) {
  const std::shared_ptr<CacheFlight> flight = plan->flight;
  OnLoop& here = on_loops_[flight->context.loop.index()];
  if (!flight->id.empty()) {
    here.flights.emplace(flight->id, flight);
    if (config_.lock_wait > milliseconds::zero()) {
      plan->lock_key = StrCat("l:", flight->id);
      plan->owner = NextToken(random_);
    }
  }
  if (flight->refresh) ++here.refreshes;
  flight->abandon = [this, &flight = *flight] {
    Forget(flight);
    flight.context.cancellation.Cancel();
  };
  Start(Fly(std::move(plan)));
}

void ReadCache::Forget(const CacheFlight& flight) {
  auto& flights = on_loops_[flight.context.loop.index()].flights;
  const auto found = flights.find(flight.id);
  if (found != flights.end() && found->second.get() == &flight) flights.erase(found);
}

void ReadCache::EndFlight(CacheFlight& flight, SharedAnswer answer) {
  Forget(flight);
  if (flight.refresh) --on_loops_[flight.context.loop.index()].refreshes;
  flight.End(std::move(answer));
}

Task<void> ReadCache::Fly(std::unique_ptr<Plan> plan) {
  const Counted counted(flying_);
  const std::shared_ptr<CacheFlight> flight = plan->flight;
  if (!plan->lock_key.empty()) {
    Task<bool> locking = TakeLock(*plan);
    const bool ask = co_await locking;
    if (!ask) co_return;
  }
  const MonotonicTime began = clock_.Now();
  Task<absl::StatusOr<std::string>> asking = plan->fill(flight->context);
  absl::StatusOr<std::string> answer = co_await asking;
  plan->method.metrics.ObserveFill(clock_.Now() - began);
  if (config_.fill_delay > milliseconds::zero()) {
    Sleep held_back(flight->context, Fraction(config_.fill_delay));
    co_await held_back;
  }
  // Sent before the answers, so that who reads next finds it.
  Start(Store(std::move(plan), answer));
  EndFlight(*flight, Share(std::move(answer)));
}

Task<bool> ReadCache::TakeLock(Plan& plan) {
  RequestContext& context = plan.flight->context;
  RedisLink& link = redis_.Of(context.loop);
  const MonotonicTime end = clock_.Now() + config_.lock_wait;
  const std::string expiry = StrCat((config_.lock_wait + kLockMargin).count());
  milliseconds pause = kFirstLook;
  for (;;) {
    const std::string_view command[] = {"SET", plan.lock_key, plan.owner, "NX", "PX", expiry};
    RedisCall taking(link, context, command, plan.until);
    const absl::StatusOr<RedisReply> taken = co_await taking;
    plan.locked = taken.ok() && !taken->is_nil();
    if (!taken.ok() || plan.locked) co_return true;
    if (plan.flight->refresh && !plan.flight->has_waiters()) {
      EndFlight(*plan.flight, absl::UnavailableError("Another replica refreshes it."));
      co_return false;
    }
    LockHolder holder = LockHolder::kWorking;
    while (holder == LockHolder::kWorking) {
      if (clock_.Now() >= end || context.cancellation.cancelled()) co_return true;
      Sleep sleep(context, pause, Sleep::Precision::kFine);
      co_await sleep;
      pause = std::min(pause * 2, kLongestPause);
      Task<LockHolder> looking = LookAtHolder(plan);
      const LockHolder seen = co_await looking;
      holder = seen;
    }
    if (holder == LockHolder::kStored) co_return false;
    if (holder == LockHolder::kUnknown) co_return true;
    plan.until = clock_.Now() + link.config().command_timeout;
  }
}

Task<ReadCache::LockHolder> ReadCache::LookAtHolder(Plan& plan) {
  RequestContext& context = plan.flight->context;
  std::vector<std::string_view> command = {"MGET", plan.query.key, plan.lock_key};
  command.insert(command.end(), plan.query.token_keys.begin(), plan.query.token_keys.end());
  RedisCall call(redis_.Of(context.loop), context, command);
  const absl::StatusOr<RedisReply> reply = co_await call;
  if (!reply.ok() || reply->size() != plan.query.token_keys.size() + 2)
    co_return LockHolder::kUnknown;
  const std::optional<CacheEntry> entry = DecodeCacheEntry(reply->at(0).text());
  if (entry && AreCurrent(*entry, *reply, 2) && clock_.WallNow() < entry->times.fresh_until) {
    plan.flight->context.cache.joined = true;
    EndFlight(*plan.flight, AnswerOf(*entry));
    co_return LockHolder::kStored;
  }
  co_return reply->at(1).is_nil() ? LockHolder::kGone : LockHolder::kWorking;
}

Task<void> ReadCache::Store(std::unique_ptr<Plan> plan, absl::StatusOr<std::string> answer) {
  const Counted counted(flying_);
  const bool negative = absl::IsNotFound(answer.status());
  const bool worth_it = (answer.ok() && answer->size() <= kMaxCachedBytes) || negative;
  if (!worth_it && !plan->locked) co_return;
  std::vector<std::string> arguments(3);
  if (worth_it) {
    const CacheTimes times = TimesOf(negative ? config_.negative_ttl : plan->method.ttl,
                                     negative ? milliseconds::zero() : config_.stale);
    arguments[0] = EncodeCacheEntry(times, negative, plan->tokens,
                                    negative ? NegativePayload(answer.status()) : *answer);
    arguments[1] = StrCat(duration_cast<milliseconds>(times.stale_until - times.stored).count());
  }
  arguments[2] = plan->owner;
  const std::vector<std::string> keys = {plan->query.key, plan->lock_key};
  RequestContext context(plan->flight->context.loop, clock_);
  context.route = plan->flight->context.route;
  RedisLink& link = redis_.Of(context.loop);
  context.deadline = clock_.Now() + link.config().command_timeout;
  Task<absl::StatusOr<RedisReply>> storing =
      RunScript(link, context, store_script_, keys, std::move(arguments));
  // A value that was not stored is missed again, which is all.
  const absl::StatusOr<RedisReply> stored = co_await storing;
  static_cast<void>(stored);
}

CacheTimes ReadCache::TimesOf(milliseconds ttl, milliseconds stale) const {
  CacheTimes times;
  times.stored = clock_.WallNow();
  const auto range = duration_cast<milliseconds>(2 * kTtlJitter * ttl);
  const auto least = duration_cast<milliseconds>((1 - kTtlJitter) * ttl);
  times.fresh_until = times.stored + std::max(milliseconds(1),
                                              least + duration_cast<milliseconds>(Fraction(range)));
  times.stale_until = times.fresh_until + stale;
  return times;
}

Duration ReadCache::Fraction(Duration whole) const {
  return std::chrono::duration_cast<Duration>(whole *
                                              (static_cast<double>(random_() >> 11) * 0x1.0p-53));
}

}  // namespace scaleout::gateway
