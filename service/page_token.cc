#include "service/page_token.h"

#include "absl/strings/escaping.h"
#include "common/checksum.h"
#include "common/status.h"
#include "common/str_cat.h"

namespace scaleout {
namespace {

constexpr const char* kPageTokenField = "page_token";

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

}  // namespace

std::string MakePageToken(std::string_view scope, std::int64_t last_id) {
  std::string bytes;
  AppendWord(bytes, static_cast<std::uint64_t>(last_id));
  AppendWord(bytes, Checksum({scope, bytes}));
  std::string token;
  absl::WebSafeBase64Escape(bytes, &token);
  return token;
}

absl::StatusOr<std::int64_t> ParsePageToken(std::string_view scope, std::string_view token) {
  std::string bytes;
  if (!rpc::v1::FindPageTokenViolation(token) &&
      absl::WebSafeBase64Unescape(ToAbsl(token), &bytes) && bytes.size() == kTokenBytes &&
      ReadWord(bytes, kWordBytes) ==
          Checksum({scope, std::string_view(bytes).substr(0, kWordBytes)})) {
    return static_cast<std::int64_t>(ReadWord(bytes, 0));
  }
  return CheckFields({{kPageTokenField, std::string(rpc::v1::kForeignPageToken)}});
}

std::int32_t ParsePageSize(std::int32_t requested, FieldChecks& checks) {
  checks.Refuse("page_size", rpc::v1::FindPageSizeViolation(requested));
  return rpc::v1::EffectivePageSize(requested);
}

Page ParsePage(std::string_view scope, std::int32_t size, std::string_view token,
               FieldChecks& checks) {
  Page page;
  page.size = ParsePageSize(size, checks);
  if (token.empty()) return page;
  const absl::StatusOr<std::int64_t> last_id = ParsePageToken(scope, token);
  checks.Require(last_id.ok(), kPageTokenField, rpc::v1::kForeignPageToken);
  page.after_id = last_id.value_or(0);
  return page;
}

}  // namespace scaleout
