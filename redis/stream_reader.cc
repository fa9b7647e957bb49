#include "redis/stream_reader.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "common/str_cat.h"
#include "redis/redis_reply.h"
#include "redis/redis_script.h"

namespace scaleout {
namespace {

constexpr std::string_view kFirstEntry = "0-0";

// One step, because removing a consumer also takes what is pending with it, which would be lost. A
// server before 7.2 does not count a read that waited in vain as a sign of life; ClaimIdle() is
// one.
constexpr std::string_view kForgetConsumers = R"lua(
local forgotten = 0
for _, key in ipairs(KEYS) do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', key, ARGV[1])
  if consumers.err then consumers = {} end
  for _, consumer in ipairs(consumers) do
    local fields = {}
    for i = 1, #consumer, 2 do fields[consumer[i]] = consumer[i + 1] end
    if fields.pending == 0 and fields.idle >= tonumber(ARGV[3]) and fields.name ~= ARGV[2] then
      redis.call('XGROUP', 'DELCONSUMER', key, ARGV[1], fields.name)
      forgotten = forgotten + 1
    end
  end
end
return forgotten
)lua";

// Of each stream its length, and what XINFO says of its groups.
constexpr std::string_view kBacklogs = R"lua(
local backlogs = {}
for i, key in ipairs(KEYS) do
  local groups = redis.pcall('XINFO', 'GROUPS', key)
  if groups.err then groups = {} end
  backlogs[i] = {redis.call('XLEN', key), groups}
end
return backlogs
)lua";

absl::Status Unexpected(std::string_view command) {
  return absl::InternalError(StrCat("Redis: unexpected reply to ", command));
}

// Whole milliseconds, rounded up: what is not zero does not become zero, which means for ever.
std::string ToMilliseconds(Duration duration) {
  return StrCat(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

std::optional<StreamEntry> ToEntry(const std::string& stream, const RedisValue& value) {
  const RedisValue fields = value.at(1);
  if (value.size() != 2 || !value.at(0).is_text() || !fields.is_array()) {
    return std::nullopt;
  }
  StreamEntry entry{.stream = stream, .id = std::string(value.at(0).text()), .fields = {}};
  entry.fields.reserve(fields.size() / 2);
  for (std::size_t i = 0; i < fields.size(); i += 2) {
    // A name without a value is followed by nil.
    if (!fields.at(i).is_text() || !fields.at(i + 1).is_text()) return std::nullopt;
    entry.fields.emplace_back(fields.at(i).text(), fields.at(i + 1).text());
  }
  return entry;
}

// Whether all of them were entries.
bool AppendEntries(const std::string& stream, const RedisValue& values,
                   std::vector<StreamEntry>& entries) {
  if (!values.is_array()) return false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::optional<StreamEntry> entry = ToEntry(stream, values.at(i));
    if (!entry) return false;
    entries.push_back(*std::move(entry));
  }
  return true;
}

// Of a list of names and values in turn; nil if it is not there.
RedisValue FieldOf(const RedisValue& list, std::string_view name) {
  for (std::size_t i = 0; i + 1 < list.size(); i += 2) {
    if (list.at(i).text() == name) return list.at(i + 1);
  }
  return RedisValue(nullptr);
}

class RedisStreamReader final : public StreamReader {
 public:
  RedisStreamReader(const RedisServer& server, const RedisClientOptions& options, StreamGroup group,
                    const Clock& clock)
      : command_timeout_(options.command_timeout),
        group_(std::move(group)),
        forget_script_(kForgetConsumers),
        backlogs_script_(kBacklogs),
        cursors_(group_.streams.size(), std::string(kFirstEntry)),
        redis_(server, options, clock) {}

  absl::StatusOr<std::vector<StreamEntry>> ReadNew(int limit, Duration wait) override {
    const std::string count = StrCat(std::max(limit, 1));
    const std::string block = ToMilliseconds(wait);
    std::vector<std::string_view> command = {"XREADGROUP",    "GROUP", group_.group,
                                             group_.consumer, "COUNT", count};
    if (wait > Duration::zero()) command.insert(command.end(), {"BLOCK", block});
    command.emplace_back("STREAMS");
    command.insert(command.end(), group_.streams.begin(), group_.streams.end());
    command.insert(command.end(), group_.streams.size(), ">");
    const auto reply = redis_.Ask(command, std::max(wait, Duration::zero()) + command_timeout_);
    if (absl::IsNotFound(reply.status())) return WithoutEntries(MakeGroups());
    if (!reply.ok()) return reply.status();
    std::vector<StreamEntry> entries;
    if (reply->is_nil()) return entries;
    if (!reply->is_array()) return Unexpected("XREADGROUP");
    for (std::size_t i = 0; i < reply->size(); ++i) {
      const RedisValue stream = reply->at(i);
      if (stream.size() != 2 || !stream.at(0).is_text() ||
          !AppendEntries(std::string(stream.at(0).text()), stream.at(1), entries)) {
        return Unexpected("XREADGROUP");
      }
    }
    return entries;
  }

  absl::StatusOr<std::vector<StreamEntry>> ClaimIdle(int limit, Duration idle) override {
    const std::string count = StrCat(std::max(limit, 1));
    const std::string least = ToMilliseconds(std::max(idle, Duration::zero()));
    std::vector<StreamEntry> entries;
    for (std::size_t i = 0; i < group_.streams.size(); ++i) {
      const std::string& stream = group_.streams[i];
      const auto reply = redis_.Ask({"XAUTOCLAIM", stream, group_.group, group_.consumer, least,
                                     cursors_[i], "COUNT", count});
      if (absl::IsNotFound(reply.status())) {
        cursors_[i] = kFirstEntry;
        if (absl::Status made = MakeGroup(stream); !made.ok()) return made;
        continue;
      }
      if (!reply.ok()) return reply.status();
      if (!reply->at(0).is_text() || !AppendEntries(stream, reply->at(1), entries)) {
        return Unexpected("XAUTOCLAIM");
      }
      cursors_[i] = reply->at(0).text();
    }
    return entries;
  }

  absl::Status Acknowledge(const std::string& stream, std::span<const std::string> ids) override {
    if (ids.empty()) return absl::OkStatus();
    std::vector<std::string_view> command = {"XACK", stream, group_.group};
    command.insert(command.end(), ids.begin(), ids.end());
    const auto reply = redis_.Ask(command);
    if (!reply.ok()) return reply.status();
    return reply->is_integer() ? absl::OkStatus() : Unexpected("XACK");
  }

  absl::StatusOr<std::vector<StreamBacklog>> Backlogs() override {
    const auto reply = redis_.Run(backlogs_script_, Keys(), {});
    if (!reply.ok()) return reply.status();
    std::vector<StreamBacklog> backlogs;
    for (std::size_t i = 0; i < group_.streams.size(); ++i) {
      std::optional<StreamBacklog> backlog = ToBacklog(group_.streams[i], reply->at(i));
      if (!backlog) return Unexpected("XINFO GROUPS");
      backlogs.push_back(*std::move(backlog));
    }
    return backlogs;
  }

  absl::Status ForgetConsumers(Duration idle) override {
    const std::string least = ToMilliseconds(std::max(idle, Duration::zero()));
    const std::array<std::string_view, 3> arguments = {group_.group, group_.consumer, least};
    const auto reply = redis_.Run(forget_script_, Keys(), arguments);
    if (!reply.ok()) return reply.status();
    return reply->is_integer() ? absl::OkStatus() : Unexpected("XGROUP DELCONSUMER");
  }

 private:
  absl::Status MakeGroup(const std::string& stream) {
    const absl::Status made =
        redis_.Ask({"XGROUP", "CREATE", stream, group_.group, "0", "MKSTREAM"}).status();
    return absl::IsAlreadyExists(made) ? absl::OkStatus() : made;
  }

  absl::Status MakeGroups() {
    for (const std::string& stream : group_.streams) {
      if (absl::Status made = MakeGroup(stream); !made.ok()) return made;
    }
    return absl::OkStatus();
  }

  static absl::StatusOr<std::vector<StreamEntry>> WithoutEntries(const absl::Status& status) {
    if (!status.ok()) return status;
    return std::vector<StreamEntry>();
  }

  std::optional<StreamBacklog> ToBacklog(const std::string& stream, const RedisValue& value) const {
    const RedisValue groups = value.at(1);
    if (!value.at(0).is_integer() || !groups.is_array()) return std::nullopt;
    StreamBacklog backlog{.stream = stream, .length = value.at(0).integer()};
    // Without the group, none of its entries was given out to it.
    backlog.lag = backlog.length;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const RedisValue group = groups.at(i);
      if (FieldOf(group, "name").text() != group_.group) continue;
      const RedisValue lag = FieldOf(group, "lag");
      const RedisValue pending = FieldOf(group, "pending");
      if (!pending.is_integer() || !(lag.is_integer() || lag.is_nil())) return std::nullopt;
      backlog.pending = pending.integer();
      // The server cannot say after entries were deleted: at most all.
      if (lag.is_integer()) backlog.lag = lag.integer();
    }
    return backlog;
  }

  std::vector<std::string_view> Keys() const {
    return {group_.streams.begin(), group_.streams.end()};
  }

  const Duration command_timeout_;
  const StreamGroup group_;
  const RedisScript forget_script_;
  const RedisScript backlogs_script_;
  std::vector<std::string> cursors_;  // of ClaimIdle(), by the streams' order
  RedisClient redis_;
};

}  // namespace

std::unique_ptr<StreamReader> MakeRedisStreamReader(const RedisServer& server,
                                                    const RedisClientOptions& options,
                                                    StreamGroup group, const Clock& clock) {
  return std::make_unique<RedisStreamReader>(server, options, std::move(group), clock);
}

}  // namespace scaleout
