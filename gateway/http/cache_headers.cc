#include "gateway/http/cache_headers.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The same on every replica and after a restart, which is what a validator is for.
std::string OpaqueTag(std::string_view content) {
  return StrCat("\"", absl::Hex(XXH3_64bits(content.data(), content.size()), absl::kZeroPad16),
                "\"");
}

std::string_view NameOf(CacheResult result) {
  switch (result) {
    case CacheResult::kHit:
      return "HIT";
    case CacheResult::kStale:
      return "STALE";
    case CacheResult::kMiss:
      return "MISS";
    case CacheResult::kBypass:
    case CacheResult::kNone:
      break;
  }
  return "BYPASS";
}

// Rounded down, a time that is over too.
std::int64_t WholeSeconds(milliseconds time) { return std::chrono::floor<seconds>(time).count(); }

std::string CacheStatusOf(const CacheNote& note) {
  switch (note.result) {
    case CacheResult::kHit:
    case CacheResult::kStale:
      return StrCat("scaleout; hit; ttl=", WholeSeconds(note.fresh_for));
    case CacheResult::kMiss:
      if (note.revalidated) return "scaleout; fwd=request";
      return note.joined ? "scaleout; fwd=miss; collapsed" : "scaleout; fwd=miss";
    case CacheResult::kBypass:
    case CacheResult::kNone:
      break;
  }
  return "scaleout; fwd=bypass";
}

// RFC 9110, section 13.1.2: the weak comparison, so a mark of weakness in the list is no matter.
// A tag has no quotes inside, so one that is found is a whole one.
bool Has(std::string_view if_none_match, std::string_view opaque_tag) {
  return if_none_match == "*" || if_none_match.find(opaque_tag) != std::string_view::npos;
}

bool SaysNothingAboutCaching(const Response& response) {
  return std::ranges::none_of(response.headers,
                              [](const auto& header) { return header.first == "Cache-Control"; });
}

}  // namespace

std::string RenderPublicCaching(const PublicCaching& caching) {
  return StrCat("public, max-age=0, s-maxage=", WholeSeconds(caching.max_age),
                ", stale-while-revalidate=", WholeSeconds(caching.stale_while_revalidate),
                ", stale-if-error=", WholeSeconds(caching.stale_if_error));
}

bool WantsRevalidation(const Request& request) {
  const std::optional<std::string_view> control = request.FindHeader("Cache-Control");
  if (!control) return false;
  for (const absl::string_view directive : absl::StrSplit(ToAbsl(*control), ',')) {
    const absl::string_view stripped = absl::StripAsciiWhitespace(directive);
    if (absl::EqualsIgnoreCase(stripped, "no-cache") ||
        absl::EqualsIgnoreCase(stripped, "max-age=0")) {
      return true;
    }
  }
  return false;
}

void AddCacheHeaders(const Request& request, Access access, const CacheNote& note,
                     const std::string& public_caching, Response& response) {
  if (note.result != CacheResult::kNone) {
    response.headers.emplace_back("X-Cache", NameOf(note.result));
    response.headers.emplace_back("Cache-Status", CacheStatusOf(note));
    if (note.result == CacheResult::kHit || note.result == CacheResult::kStale) {
      response.headers.emplace_back("Age", StrCat(WholeSeconds(note.age)));
    }
  }
  const bool is_get = request.method == Method::kGet || request.method == Method::kHead;
  const bool is_public = access == Access::kPublic;
  if (!is_get || response.status != 200 || (!is_public && access != Access::kUser) ||
      !SaysNothingAboutCaching(response)) {
    return;
  }
  response.headers.emplace_back("Cache-Control",
                                is_public ? std::string_view(public_caching) : "private, no-cache");
  const std::string_view body = response.body;
  const bool weak = response.content_bytes.has_value();
  const std::string tag = OpaqueTag(body.substr(0, response.content_bytes.value_or(body.size())));
  const std::optional<std::string_view> known = request.FindHeader("If-None-Match");
  if (known && Has(*known, tag)) {
    response.status = 304;
    response.body.clear();
  }
  response.headers.emplace_back("ETag", weak ? StrCat("W/", tag) : tag);
}

}  // namespace scaleout::gateway
