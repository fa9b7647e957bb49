#include "gateway/json/time_text.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace scaleout::gateway {
namespace {

constexpr std::int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr std::int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z
constexpr std::int64_t kSecondsPerDay = 86'400;

char* WriteTwo(char* out, unsigned value) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
  return out + 2;
}

char* WriteThree(char* out, unsigned value) {
  *out = static_cast<char>('0' + value / 100);
  return WriteTwo(out + 1, value % 100);
}

void WriteDate(char* out, std::int64_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  out = WriteTwo(out, year / 100);
  out = WriteTwo(out, year % 100);
  *out++ = '-';
  out = WriteTwo(out, static_cast<unsigned>(date.month()));
  *out++ = '-';
  out = WriteTwo(out, static_cast<unsigned>(date.day()));
  *out = 'T';
}

}  // namespace

// By hand: a page has dozens of times, and the general formatters take most of its rendering.
char* TimeText::Write(char* out, std::int64_t seconds, std::int32_t nanos) {
  const std::int64_t since_first = std::clamp(seconds, kFirstSecond, kLastSecond) - kFirstSecond;
  const std::int64_t day = since_first / kSecondsPerDay + kFirstSecond / kSecondsPerDay;
  if (day != day_) {
    WriteDate(date_.data(), day);
    day_ = day;
  }
  std::memcpy(out, date_.data(), date_.size());
  out += date_.size();

  const auto of_day = static_cast<unsigned>(since_first % kSecondsPerDay);
  out = WriteTwo(out, of_day / 3600);
  *out++ = ':';
  out = WriteTwo(out, of_day / 60 % 60);
  *out++ = ':';
  out = WriteTwo(out, of_day % 60);
  if (nanos != 0) {
    const auto fraction = static_cast<unsigned>(std::clamp(nanos, 0, 999'999'999));
    *out++ = '.';
    out = WriteThree(out, fraction / 1'000'000);
    if (fraction % 1'000'000 != 0) out = WriteThree(out, fraction / 1'000 % 1'000);
    if (fraction % 1'000 != 0) out = WriteThree(out, fraction % 1'000);
  }
  *out++ = 'Z';
  return out;
}

}  // namespace scaleout::gateway
