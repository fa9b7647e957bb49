#include "gateway/http/route.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <forward_list>
#include <optional>

#include "absl/strings/str_split.h"
#include "common/str_cat.h"
#include "gateway/http/percent_decode.h"

namespace scaleout::gateway {
namespace {

constexpr std::chrono::milliseconds kUnmatchedDeadline{3'000};

// More than any template has. A path with more matches none.
constexpr std::size_t kMaxSegments = 16;

bool IsParameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

// The segments after the leading slash; "/" has one empty segment.
std::vector<std::string> SplitPath(std::string_view path) {
  return absl::StrSplit(ToAbsl(path.substr(1)), '/');
}

// Those of a request's path: views into it, or into `decoded` where the path has what must be
// decoded first. Nothing if it cannot be decoded or matches no template for its length.
class PathSegments {
 public:
  static bool Split(std::string_view path, PathSegments& segments) {
    path.remove_prefix(1);
    for (;;) {
      if (segments.size_ == kMaxSegments) return false;
      const std::size_t end = path.find('/');
      if (!segments.Add(path.substr(0, end))) return false;
      if (end == std::string_view::npos) return true;
      path.remove_prefix(end + 1);
    }
  }

  std::size_t size() const { return size_; }
  std::string_view operator[](std::size_t i) const { return views_[i]; }

 private:
  bool Add(std::string_view segment) {
    if (!IsPlain(segment)) {
      std::optional<std::string> decoded = PercentDecode(segment);
      if (!decoded) return false;
      segment = decoded_.emplace_front(*std::move(decoded));
    }
    views_[size_++] = segment;
    return true;
  }

  std::array<std::string_view, kMaxSegments> views_;
  std::size_t size_ = 0;
  std::forward_list<std::string> decoded_;
};

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
                                       const PathSegments& path) {
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
    if (segments_.back().size() > kMaxSegments) std::abort();
    for (std::size_t i = 0; i + 1 < segments_.size(); ++i) {
      if (routes_[i].method == route.method && SameShape(segments_[i], segments_.back()))
        std::abort();
    }
  }
}

RouteMatch RouteTable::Find(Method method, std::string_view path) const {
  RouteMatch match;
  if (path.empty() || path.front() != '/') return match;
  PathSegments segments;
  if (!PathSegments::Split(path, segments)) return match;

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
    match.allowed = AllowedMethods(path);
    return match;
  }
  const std::vector<std::string>& pattern = segments_[match.route->index];
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (!IsParameter(pattern[i])) continue;
    const std::string_view name = std::string_view(pattern[i]).substr(1, pattern[i].size() - 2);
    match.parameters.emplace_back(name, std::string(segments[i]));
  }
  return match;
}

std::string RouteTable::AllowedMethods(std::string_view path) const {
  PathSegments segments;
  PathSegments::Split(path, segments);
  std::string allowed;
  std::optional<std::uint64_t> best_any;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const std::optional<std::uint64_t> rank = MatchRank(segments_[i], segments);
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
