#include "redis/stream_writer.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "redis/incarnation_text.h"

namespace scaleout {
namespace {

// KEYS: the stream, and the key that holds the incarnation's random text and the last number that
// was appended in it. ARGV[1]: the incarnation. last_number() is nil in another one, which is also
// what a stream is that has not come as far: it was removed by hand, and made anew by a reader. A
// number beyond 2^52 that was not appended is an entry by hand, which may leave none above it.
#define INCARNATION                                                                            \
  "local function number(id) return tonumber(string.match(id, '^%d+')) end\n"                  \
  "local function run_id() return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') " \
  "end\n"                                                                                      \
  "local function last_number()\n"                                                             \
  "  local text = redis.pcall('GET', KEYS[2])\n"                                               \
  "  if type(text) ~= 'string' or redis.call('TYPE', KEYS[1]).ok ~= 'stream' then return nil " \
  "end\n"                                                                                      \
  "  local random, appended = string.match(text, '^(%x+) (%d+)$')\n"                           \
  "  if not random or run_id() .. ':' .. random ~= ARGV[1] then return nil end\n"              \
  "  local last = 0\n"                                                                         \
  "  local about = redis.call('XINFO', 'STREAM', KEYS[1])\n"                                   \
  "  for i = 1, #about, 2 do\n"                                                                \
  "    if about[i] == 'last-generated-id' then last = number(about[i + 1]) end\n"              \
  "  end\n"                                                                                    \
  "  appended = tonumber(appended)\n"                                                          \
  "  if last < appended or (last > appended and last > 2 ^ 52) then return nil end\n"          \
  "  return last\n"                                                                            \
  "end\n"

// ARGV: the new random text, the groups.
constexpr std::string_view kBegin = INCARNATION R"lua(
redis.call('UNLINK', KEYS[1])
redis.call('SET', KEYS[2], ARGV[1] .. ' 0')
for i = 2, #ARGV do redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[i], '0', 'MKSTREAM') end
return run_id() .. ':' .. ARGV[1]
)lua";

// ARGV from 2: the greatest length, the number of entries, and of each its number, how many texts
// follow, and these, names and values in turn. Nothing is written unless all can be.
constexpr std::string_view kAppend = INCARNATION R"lua(
local last = last_number()
if not last then return {1, 0} end
if tonumber(ARGV[4]) <= last then return {3, last} end
if redis.call('XLEN', KEYS[1]) + tonumber(ARGV[3]) > tonumber(ARGV[2]) then return {2, last} end
local at = 4
while at <= #ARGV do
  local texts = tonumber(ARGV[at + 1])
  last = ARGV[at]
  redis.call('XADD', KEYS[1], last .. '-0', unpack(ARGV, at + 2, at + 1 + texts))
  at = at + 2 + texts
end
redis.call('SET', KEYS[2], string.match(ARGV[1], '%x+$') .. ' ' .. last)
return {0, tonumber(last)}
)lua";

// ARGV from 2: the groups that there have to be.
constexpr std::string_view kTrim = INCARNATION R"lua(
if not last_number() then return {1, 0, 0} end
local missing = {}
for i = 2, #ARGV do missing[ARGV[i]] = true end
local least = nil
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local about = {}
  for i = 1, #group, 2 do about[group[i]] = group[i + 1] end
  missing[about['name']] = nil
  local reached = number(about['last-delivered-id'])
  if about['pending'] > 0 then
    reached = number(redis.call('XPENDING', KEYS[1], about['name'])[2]) - 1
  end
  if least == nil or reached < least then least = reached end
end
if next(missing) or least == nil then return {1, 0, 0} end
if least > 0 then redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', least + 1)) end
return {0, least, redis.call('XLEN', KEYS[1])}
)lua";

#undef INCARNATION

absl::Status UnexpectedReply() {
  return absl::InternalError("Redis: a script on a stream has answered something else");
}

class RedisStreamWriter final : public StreamWriter {
 public:
  RedisStreamWriter(const RedisServer& server, const RedisClientOptions& options,
                    const Clock& clock)
      : client_(server, options, clock), begin_(kBegin), append_(kAppend), trim_(kTrim) {}

  absl::StatusOr<std::string> Begin(const std::string& stream,
                                    std::span<const std::string> groups) override {
    const std::string random = MakeIncarnationText();
    std::vector<std::string_view> arguments = {random};
    arguments.insert(arguments.end(), groups.begin(), groups.end());
    const absl::StatusOr<RedisReply> reply = Run(begin_, stream, arguments);
    if (!reply.ok()) return reply.status();
    if (!reply->is_text() || reply->text().empty()) return UnexpectedReply();
    return std::string(reply->text());
  }

  absl::StatusOr<AppendAnswer> Append(const std::string& stream, const std::string& incarnation,
                                      std::int64_t max_length,
                                      std::span<const NumberedEntry> entries) override {
    if (entries.empty()) return AppendAnswer();
    std::vector<std::string> numbers;
    numbers.reserve(2 * entries.size() + 2);
    const auto text_of = [&](std::int64_t value) -> std::string_view {
      return numbers.emplace_back(std::to_string(value));
    };
    std::vector<std::string_view> arguments = {incarnation, text_of(max_length),
                                               text_of(static_cast<std::int64_t>(entries.size()))};
    for (const NumberedEntry& entry : entries) {
      arguments.push_back(text_of(entry.number));
      arguments.push_back(text_of(static_cast<std::int64_t>(2 * entry.fields.size())));
      for (const auto& [name, value] : entry.fields) {
        arguments.push_back(name);
        arguments.push_back(value);
      }
    }
    const absl::StatusOr<RedisReply> reply = Run(append_, stream, arguments);
    if (!reply.ok()) return reply.status();
    const std::optional<StreamVerdict> verdict = VerdictOf(*reply, 2);
    if (!verdict) return UnexpectedReply();
    return AppendAnswer{*verdict, reply->at(1).integer()};
  }

  absl::StatusOr<TrimAnswer> TrimAcknowledged(const std::string& stream,
                                              const std::string& incarnation,
                                              std::span<const std::string> groups) override {
    std::vector<std::string_view> arguments = {incarnation};
    arguments.insert(arguments.end(), groups.begin(), groups.end());
    const absl::StatusOr<RedisReply> reply = Run(trim_, stream, arguments);
    if (!reply.ok()) return reply.status();
    const std::optional<StreamVerdict> verdict = VerdictOf(*reply, 3);
    if (!verdict) return UnexpectedReply();
    return TrimAnswer{*verdict, reply->at(1).integer(), reply->at(2).integer()};
  }

 private:
  absl::StatusOr<RedisReply> Run(const RedisScript& script, const std::string& stream,
                                 std::span<const std::string_view> arguments) {
    const std::string incarnation_key = stream + ":incarnation";
    const std::array<std::string_view, 2> keys = {stream, incarnation_key};
    return client_.Run(script, keys, arguments);
  }

  // The first of `size` integers.
  static std::optional<StreamVerdict> VerdictOf(const RedisValue& reply, std::size_t size) {
    if (!reply.is_array() || reply.size() != size) return std::nullopt;
    for (std::size_t i = 0; i < size; ++i) {
      if (!reply.at(i).is_integer()) return std::nullopt;
    }
    switch (reply.at(0).integer()) {
      case 0:
        return StreamVerdict::kDone;
      case 1:
        return StreamVerdict::kOtherIncarnation;
      case 2:
        return StreamVerdict::kFull;
      case 3:
        return StreamVerdict::kNumberTooLow;
      default:
        return std::nullopt;
    }
  }

  RedisClient client_;
  const RedisScript begin_;
  const RedisScript append_;
  const RedisScript trim_;
};

}  // namespace

std::unique_ptr<StreamWriter> MakeRedisStreamWriter(const RedisServer& server,
                                                    const RedisClientOptions& options,
                                                    const Clock& clock) {
  return std::make_unique<RedisStreamWriter>(server, options, clock);
}

}  // namespace scaleout
