// Writes times as RFC 3339 in UTC, "2026-11-20T09:05:00Z", with 3, 6 or 9 digits of a fraction
// where there is one.
//
// Keeps the text of the last day, because most times of a document are of the same one; so a
// document has its own TimeText. A time beyond what Timestamp allows, the years 1 to 9999, is
// written as the nearest one that it allows. Allocates nothing. Thread-compatible.
#ifndef SCALEOUT_GATEWAY_JSON_TIME_TEXT_H_
#define SCALEOUT_GATEWAY_JSON_TIME_TEXT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace scaleout::gateway {

// "2026-11-20T13:28:10.000000001Z"
inline constexpr std::size_t kMaxTimeBytes = 30;

class TimeText {
 public:
  // Writes at most kMaxTimeBytes to `out`; returns their end.
  char* Write(char* out, std::int64_t seconds, std::int32_t nanos);

 private:
  std::int64_t day_ = std::numeric_limits<std::int64_t>::min();  // none
  std::array<char, 11> date_{};                                  // "2026-11-20T" for `day_`
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_JSON_TIME_TEXT_H_
