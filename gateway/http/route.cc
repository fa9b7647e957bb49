#include "gateway/http/route.h"

#include <cstdint>
#include <cstdlib>
#include <optional>

#include "absl/strings/str_split.h"
#include "common/str_cat.h"
#include "gateway/http/percent_decode.h"

namespace scaleout::gateway {
namespace {

constexpr std::chrono::milliseconds kUnmatchedDeadline{3'000};

bool IsParameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

// The segments after the leading slash; "/" has one empty segment.
std::vector<std::string> SplitPath(std::string_view path) {
  return absl::StrSplit(ToAbsl(path.substr(1)), '/');
}

// Whether two templates match the same paths with the same preference.
bool SameShape(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (IsParameter(a[i]) != IsParameter(b[i]) || (!IsParameter(a[i]) && a[i] != b[i]))
      return false;
  }
  return true;
}

// How specific a match is: literal segments from the left count most. Nothing if it does not match.
std::optional<std::uint64_t> MatchRank(const std::vector<std::string>& pattern,
                                       const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  std::uint64_t rank = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool parameter = IsParameter(pattern[i]);
    if (parameter ? path[i].empty() : pattern[i] != path[i]) return std::nullopt;
    rank = rank * 2 + (parameter ? 0 : 1);
  }
  return rank;
}

}  // namespace

RouteTable::RouteTable(std::vector<Route> routes)
    : routes_(std::move(routes)),
      unmatched_(Method::kOther, "unmatched", Access::kPublic, {0, kUnmatchedDeadline}, Handler()) {
  unmatched_.index = routes_.size();
  for (Route& route : routes_) {
    route.index = segments_.size();
    if (route.path.empty() || route.path.front() != '/' || !route.handler) std::abort();
    segments_.push_back(SplitPath(route.path));
    for (std::size_t i = 0; i + 1 < segments_.size(); ++i) {
      if (routes_[i].method == route.method && SameShape(segments_[i], segments_.back()))
        std::abort();
    }
  }
}

RouteMatch RouteTable::Find(Method method, std::string_view path) const {
  RouteMatch match;
  if (path.empty() || path.front() != '/') return match;
  std::vector<std::string> segments;
  for (const absl::string_view segment : absl::StrSplit(ToAbsl(path.substr(1)), '/')) {
    std::optional<std::string> decoded = PercentDecode(FromAbsl(segment));
    if (!decoded) return match;
    segments.push_back(*std::move(decoded));
  }

  const Method wanted = method == Method::kHead ? Method::kGet : method;
  std::optional<std::uint64_t> best;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (routes_[i].method != wanted) continue;
    const std::optional<std::uint64_t> rank = MatchRank(segments_[i], segments);
    if (rank && (!best || *rank > *best)) {
      best = rank;
      match.route = &routes_[i];
    }
  }
  if (match.route == nullptr) {
    match.allowed = AllowedMethods(segments);
    return match;
  }
  const std::vector<std::string>& pattern = segments_[match.route->index];
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (!IsParameter(pattern[i])) continue;
    const std::string_view name = std::string_view(pattern[i]).substr(1, pattern[i].size() - 2);
    match.parameters.emplace_back(name, std::move(segments[i]));
  }
  return match;
}

std::string RouteTable::AllowedMethods(const std::vector<std::string>& path) const {
  std::string allowed;
  std::optional<std::uint64_t> best_any;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const std::optional<std::uint64_t> rank = MatchRank(segments_[i], path);
    if (!rank) continue;
    // Allow lists the methods of the most specific template alone: /users/{id} does not lend its
    // DELETE to /users/me.
    if (!best_any || *rank > *best_any) {
      best_any = rank;
      allowed.clear();
    }
    if (*rank == *best_any) {
      StrAppend(&allowed, allowed.empty() ? "" : ", ", MethodName(routes_[i].method),
                routes_[i].method == Method::kGet ? ", HEAD" : "");
    }
  }
  return allowed;
}

}  // namespace scaleout::gateway
