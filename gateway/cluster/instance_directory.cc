#include "gateway/cluster/instance_directory.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/str_cat.h"
#include "gateway/cluster/instance_registry.h"
#include "gateway/cluster/shared_counter.h"
#include "redis/redis_script.h"

namespace scaleout::gateway {
namespace {

// The ids that the index has, and then each entry's id and description in turn. GETRANGE, so that
// of a value that is too long no more is read than shows that.
constexpr std::string_view kRead = R"lua(
local prefix, expiry, most, bytes = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ids = redis.call('ZREVRANGEBYSCORE', KEYS[1], now, '(' .. now - expiry, 'LIMIT', 0, most)
local found = {#ids}
for _, id in ipairs(ids) do
  if #id < bytes then
    local value = redis.pcall('GETRANGE', prefix .. id, 0, bytes)
    if type(value) == 'string' and #value > 0 and #id + #value <= bytes then
      found[#found + 1] = id
      found[#found + 1] = value
    end
  end
end
return found
)lua";

InstanceEntries ToEntries(const RedisReply& reply) {
  InstanceEntries read;
  read.complete = reply.size() > 0 && reply.at(0).is_integer() &&
                  reply.at(0).integer() <= static_cast<std::int64_t>(kMaxInstances);
  for (std::size_t i = 1; i + 1 < reply.size() && read.entries.size() < kMaxInstances; i += 2) {
    read.entries.push_back({std::string(reply.at(i).text()), std::string(reply.at(i + 1).text())});
  }
  return read;
}

class RedisInstanceDirectory final : public InstanceDirectory {
 public:
  RedisInstanceDirectory(const LoopRedis& redis, std::chrono::milliseconds expiry)
      : redis_(redis),
        arguments_{std::string(kInstanceKeyPrefix), StrCat(expiry.count()),
                   StrCat(kMaxInstances + 1), StrCat(kMaxInstanceBytes)} {}

  Task<InstanceEntries> Read(RequestContext& context) override {
    std::vector<std::string> keys = {std::string(kInstanceIndexKey)};
    Task<absl::StatusOr<RedisReply>> asking =
        RunScript(redis_.Of(context.loop), context, read_, std::move(keys), arguments_,
                  context.clock.Now() + kMaxRedisStateWait);
    const absl::StatusOr<RedisReply> reply = co_await asking;
    if (!reply.ok()) co_return InstanceEntries{};
    co_return ToEntries(*reply);
  }

 private:
  const LoopRedis& redis_;
  const RedisScript read_{kRead};
  const std::vector<std::string> arguments_;
};

class NoInstanceDirectory final : public InstanceDirectory {
 public:
  Task<InstanceEntries> Read(RequestContext&) override { co_return InstanceEntries{}; }
};

}  // namespace

std::unique_ptr<InstanceDirectory> MakeInstanceDirectory(const LoopRedis* redis_state,
                                                         std::chrono::milliseconds expiry) {
  if (redis_state == nullptr) return std::make_unique<NoInstanceDirectory>();
  return std::make_unique<RedisInstanceDirectory>(*redis_state, expiry);
}

}  // namespace scaleout::gateway
