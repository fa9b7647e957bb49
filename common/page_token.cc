#include "common/page_token.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "common/status.h"

namespace scaleout {
namespace {

constexpr std::size_t kWordBytes = 8;
// Two words: the last id and the checksum.
constexpr std::size_t kTokenBytes = 2 * kWordBytes;

void AppendWord(std::string& bytes, std::uint64_t word) {
  for (std::size_t i = 0; i < kWordBytes; ++i) bytes.push_back(static_cast<char>(word >> (8 * i)));
}

std::uint64_t ReadWord(std::string_view bytes, std::size_t offset) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < kWordBytes; ++i) {
    word |= std::uint64_t{static_cast<unsigned char>(bytes[offset + i])} << (8 * i);
  }
  return word;
}

// FNV-1a: the same on every replica and every release, which std::hash does not promise.
std::uint64_t Checksum(std::string_view scope, std::string_view id_bytes) {
  std::uint64_t hash = 14695981039346656037u;
  for (const std::string_view part : {scope, id_bytes}) {
    for (const char c : part) {
      hash ^= static_cast<unsigned char>(c);
      hash *= 1099511628211u;
    }
  }
  return hash;
}

}  // namespace

std::string MakePageToken(std::string_view scope, std::int64_t last_id) {
  std::string bytes;
  AppendWord(bytes, static_cast<std::uint64_t>(last_id));
  AppendWord(bytes, Checksum(scope, bytes));
  std::string token;
  absl::WebSafeBase64Escape(bytes, &token);
  return token;
}

absl::StatusOr<std::int64_t> ParsePageToken(std::string_view scope, std::string_view token) {
  std::string bytes;
  if (absl::WebSafeBase64Unescape(token, &bytes) && bytes.size() == kTokenBytes &&
      ReadWord(bytes, kWordBytes) ==
          Checksum(scope, std::string_view(bytes).substr(0, kWordBytes))) {
    return static_cast<std::int64_t>(ReadWord(bytes, 0));
  }
  return CheckFields({{"/page_token", "is not a token of this list with this filter"}});
}

std::int32_t EffectivePageSize(std::int32_t requested) {
  return requested == 0 ? kDefaultPageSize : std::min(requested, kMaxPageSize);
}

}  // namespace scaleout
