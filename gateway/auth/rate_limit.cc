#include "gateway/auth/rate_limit.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr std::pair<std::string_view, seconds> kPeriods[] = {
    {"s", seconds(1)}, {"min", seconds(60)}, {"h", seconds(3600)}};
constexpr std::string_view kNone = "0";

}  // namespace

std::optional<RateLimit> RateLimit::Parse(std::string_view text) {
  if (text == kNone) return RateLimit{};
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {};
  const std::string_view number = text.substr(0, slash);
  RateLimit limit;
  const bool is_digits = std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
  if (!is_digits || !absl::SimpleAtoi(ToAbsl(number), &limit.requests)) return {};
  if (limit.requests < 1 || limit.requests > kMaxRateLimitRequests) return {};
  for (const auto& [name, period] : kPeriods) {
    limit.period = period;
    if (text.substr(slash + 1) == name) return limit;
  }
  return {};
}

std::string RateLimit::ToString() const {
  if (!on()) return std::string(kNone);
  for (const auto& [name, known] : kPeriods) {
    if (known == period) return StrCat(requests, "/", name);
  }
  return StrCat(requests, "/", period.count(), "s");
}

microseconds RateLimit::interval() const {
  return microseconds((microseconds(period).count() + requests - 1) / requests);
}

void DeclareRateLimit(Settings& settings, std::string_view name, RateLimit& limit,
                      std::string_view help) {
  std::string text = limit.ToString();
  settings.String(name, text, help);
  if (const std::optional<RateLimit> parsed = RateLimit::Parse(text)) {
    limit = *parsed;
  } else {
    settings.Refuse(name, StrCat("wants 1 to ", kMaxRateLimitRequests,
                                 " in a second, a minute or an hour, such as 100/s, 5/min or "
                                 "1000/h; 0 for no limit"));
  }
}

GcraAnswer AskGcra(const RateLimit& limit, microseconds empty_at, microseconds now) {
  const microseconds interval = limit.interval();
  const microseconds full_at = now + limit.burst();
  const microseconds before = std::clamp(empty_at, now, full_at);
  GcraAnswer answer;
  answer.empty_at = before + interval;
  const microseconds room = full_at - answer.empty_at;
  answer.allowed = room >= microseconds::zero();
  if (answer.allowed) {
    answer.remaining = room / interval;
    answer.next = interval - room % interval;
  } else {
    answer.next = -room;
  }
  return answer;
}

}  // namespace scaleout::gateway
