#include "gateway/cache/cache_entry.h"

#include <cstdint>

#include "common/status.h"
#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

// The first byte. A change of what follows is another version, so that gateways of two releases do
// not misread each other.
constexpr char kVersion = '1';

constexpr std::size_t kNumberBytes = 8;
// Version, flags, three times, the number of tokens.
constexpr std::size_t kHeadBytes = 1 + 1 + 3 * kNumberBytes + 1;
constexpr char kNegative = 1;

void PutNumber(std::uint64_t number, std::string& out) {
  for (std::size_t i = 0; i < kNumberBytes; ++i) {
    out.push_back(static_cast<char>(number >> (8 * i) & 0xFF));
  }
}

std::uint64_t TakeNumber(std::string_view& bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < kNumberBytes; ++i) {
    number |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  bytes.remove_prefix(kNumberBytes);
  return number;
}

void PutTime(WallTime time, std::string& out) {
  PutNumber(
      static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count()),
      out);
}

WallTime TakeTime(std::string_view& bytes) {
  return WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(TakeNumber(bytes))));
}

}  // namespace

std::string EncodeCacheEntry(const CacheTimes& times, bool negative,
                             const std::vector<std::string>& tokens, std::string_view payload) {
  std::string bytes;
  bytes.reserve(kHeadBytes + tokens.size() * kCacheTokenBytes + payload.size());
  bytes.push_back(kVersion);
  bytes.push_back(negative ? kNegative : 0);
  PutTime(times.stored, bytes);
  PutTime(times.fresh_until, bytes);
  PutTime(times.stale_until, bytes);
  bytes.push_back(static_cast<char>(tokens.size()));
  for (const std::string& token : tokens) bytes += token;
  bytes += payload;
  return bytes;
}

std::optional<CacheEntry> DecodeCacheEntry(std::string_view bytes) {
  if (bytes.size() < kHeadBytes || bytes.front() != kVersion) return std::nullopt;
  CacheEntry entry;
  entry.negative = bytes[1] == kNegative;
  bytes.remove_prefix(2);
  entry.times.stored = TakeTime(bytes);
  entry.times.fresh_until = TakeTime(bytes);
  entry.times.stale_until = TakeTime(bytes);
  const std::size_t tokens = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  if (bytes.size() < tokens * kCacheTokenBytes) return std::nullopt;
  entry.tokens.reserve(tokens);
  for (std::size_t i = 0; i < tokens; ++i) {
    entry.tokens.push_back(bytes.substr(0, kCacheTokenBytes));
    bytes.remove_prefix(kCacheTokenBytes);
  }
  entry.payload = bytes;
  return entry;
}

std::string NegativePayload(const absl::Status& status) {
  std::string payload;
  PutNumber(status.message().size(), payload);
  StrAppend(&payload, FromAbsl(status.message()), SerializeDetails(status));
  return payload;
}

absl::Status StatusOfNegative(std::string_view payload) {
  if (payload.size() < kNumberBytes) return absl::NotFoundError("");
  const std::uint64_t size = TakeNumber(payload);
  absl::Status status = absl::NotFoundError(ToAbsl(payload.substr(0, size)));
  if (size < payload.size()) AttachDetails(status, payload.substr(size));
  return status;
}

}  // namespace scaleout::gateway
