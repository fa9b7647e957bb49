#include "gateway/http/rate_limit_headers.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/str_cat.h"

namespace scaleout::gateway {

void AddRateLimitHeaders(const std::vector<RateLimitNote>& notes, Response& response) {
  if (notes.empty()) return;
  std::string policies;
  std::string limits;
  std::string_view comma;
  for (const RateLimitNote& note : notes) {
    // Rounded as Retry-After is (problem.h).
    const std::int64_t next = std::chrono::ceil<std::chrono::seconds>(note.next).count();
    absl::StrAppend(&policies, ToAbsl(comma), "\"", note.policy, "\";q=", note.requests,
                    ";w=", note.period.count());
    absl::StrAppend(&limits, ToAbsl(comma), "\"", note.policy, "\";r=", note.remaining,
                    ";t=", std::max<std::int64_t>(1, next));
    comma = ", ";
  }
  response.headers.emplace_back("RateLimit-Policy", policies);
  response.headers.emplace_back("RateLimit", limits);
}

}  // namespace scaleout::gateway
