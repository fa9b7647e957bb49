#include "gateway/cluster/instance_registry.h"

#include <pthread.h>

#include <array>
#include <utility>

#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

// Members from the future are of a clock that was set back.
constexpr std::string_view kStore = R"lua(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.call('ZCARD', KEYS[1])
)lua";

constexpr std::string_view kRemove = R"lua(
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
)lua";

Counter& AddCounter(Metrics& metrics, std::string_view outcome) {
  return metrics.AddCounter(
      "instance_registrations_total",
      "Rounds of the instance registry, by whether redis-state took the entry.",
      {{"outcome", std::string(outcome)}});
}

}  // namespace

InstanceRegistry::InstanceRegistry(std::string id, const std::optional<RedisServer>& server,
                                   const InstanceRegistryConfig& config, Describe describe,
                                   const Clock& clock, Logger& logger, Metrics& metrics)
    : id_(std::move(id)),
      key_(StrCat(kInstanceKeyPrefix, id_)),
      config_(config),
      expiry_ms_(StrCat(config.expiry.count())),
      describe_(std::move(describe)),
      logger_(logger),
      stored_(AddCounter(metrics, "stored")),
      failed_(AddCounter(metrics, "failed")),
      store_(kStore),
      remove_(kRemove),
      self_(describe_()) {
  if (server) redis_.emplace(*server, config.redis, clock);
}

void InstanceRegistry::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "registry");
    Run();
  });
}

void InstanceRegistry::Renew() {
  {
    const std::lock_guard lock(mutex_);
    renew_ = true;
  }
  wake_.notify_one();
}

void InstanceRegistry::Leave() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

std::string InstanceRegistry::self() const {
  const std::lock_guard lock(mutex_);
  return self_;
}

void InstanceRegistry::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    renew_ = false;
    lock.unlock();
    Round();
    lock.lock();
    wake_.wait_for(lock, config_.interval, [this] { return stopping_ || renew_; });
  }
  lock.unlock();
  Remove();
}

void InstanceRegistry::Round() {
  std::string description = describe_();
  {
    const std::lock_guard lock(mutex_);
    self_ = description;
  }
  if (!redis_) return;
  const absl::Status stored = Store(description);
  Count(stored);
  if (stored.ok()) last_stored_ = std::move(description);
}

absl::Status InstanceRegistry::Store(std::string_view description) {
  if (id_.size() + description.size() > kMaxInstanceBytes) {
    return absl::OutOfRangeError("the instance's description is too long");
  }
  const std::array<std::string_view, 2> keys = {kInstanceIndexKey, key_};
  const std::array<std::string_view, 3> arguments = {id_, description, expiry_ms_};
  const auto instances = redis_->Run(store_, keys, arguments);
  if (instances.ok()) {
    instances_.store(static_cast<int>(instances->integer()), std::memory_order_relaxed);
  }
  return instances.status();
}

void InstanceRegistry::Count(const absl::Status& stored) {
  (stored.ok() ? stored_ : failed_).Increment();
  if (std::exchange(logged_away_, !stored.ok()) == !stored.ok()) return;
  if (stored.ok()) {
    logger_.Info("instance registered again", {});
  } else {
    logger_.Warn("instance cannot be registered", {{"error", FromAbsl(stored.message())}});
  }
}

// No connection is made for it: the entry expires, and the process is to end.
void InstanceRegistry::Remove() {
  if (!redis_ || !redis_->connected() || last_stored_.empty()) return;
  const std::array<std::string_view, 2> keys = {kInstanceIndexKey, key_};
  const std::array<std::string_view, 2> arguments = {id_, last_stored_};
  const auto removed = redis_->Run(remove_, keys, arguments);
  if (!removed.ok()) {
    logger_.Warn("instance's entry not removed", {{"error", FromAbsl(removed.status().message())}});
  }
}

}  // namespace scaleout::gateway
