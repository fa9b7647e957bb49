#include "gateway/json/time_text.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <string>

namespace scaleout::gateway {
namespace {

constexpr std::int64_t kDay = 86'400;

std::string Write(TimeText& times, std::int64_t seconds, std::int32_t nanos = 0) {
  std::array<char, kMaxTimeBytes> text;
  return std::string(text.data(), times.Write(text.data(), seconds, nanos));
}

TEST(TimeText, WritesADayAgainAndTheNextOne) {
  TimeText times;
  EXPECT_EQ(Write(times, 0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(Write(times, kDay - 1), "1970-01-01T23:59:59Z");
  EXPECT_EQ(Write(times, kDay), "1970-01-02T00:00:00Z");
  EXPECT_EQ(Write(times, kDay - 1, 999'999'999), "1970-01-01T23:59:59.999999999Z");
  EXPECT_EQ(Write(times, -1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(Write(times, -kDay), "1969-12-31T00:00:00Z");
  EXPECT_EQ(Write(times, -kDay - 1), "1969-12-30T23:59:59Z");
  EXPECT_EQ(Write(times, 1'795'181'290), "2026-11-20T13:28:10Z");
}

TEST(TimeText, WritesOfAFractionWhatThereIs) {
  TimeText times;
  EXPECT_EQ(Write(times, 0, 999'000'000), "1970-01-01T00:00:00.999Z");
  EXPECT_EQ(Write(times, 0, 1'000'000), "1970-01-01T00:00:00.001Z");
  EXPECT_EQ(Write(times, 0, 120'030'000), "1970-01-01T00:00:00.120030Z");
  EXPECT_EQ(Write(times, 0, 1'000), "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(Write(times, 0, 1), "1970-01-01T00:00:00.000000001Z");
  EXPECT_EQ(Write(times, 0, 100'000'010), "1970-01-01T00:00:00.100000010Z");
}

TEST(TimeText, WritesLeapDays) {
  TimeText times;
  EXPECT_EQ(Write(times, 951'782'400), "2000-02-29T00:00:00Z");
  EXPECT_EQ(Write(times, 951'782'400 + kDay), "2000-03-01T00:00:00Z");
  EXPECT_EQ(Write(times, 4'107'542'399), "2100-02-28T23:59:59Z");
  EXPECT_EQ(Write(times, 4'107'542'400), "2100-03-01T00:00:00Z");
}

TEST(TimeText, StaysWithinTheYearsThatATimestampHas) {
  TimeText times;
  EXPECT_EQ(Write(times, -62'135'596'800), "0001-01-01T00:00:00Z");
  EXPECT_EQ(Write(times, -62'135'596'801), "0001-01-01T00:00:00Z");
  EXPECT_EQ(Write(times, std::numeric_limits<std::int64_t>::min()), "0001-01-01T00:00:00Z");
  EXPECT_EQ(Write(times, 253'402'300'799), "9999-12-31T23:59:59Z");
  EXPECT_EQ(Write(times, 253'402'300'800), "9999-12-31T23:59:59Z");
  EXPECT_EQ(Write(times, std::numeric_limits<std::int64_t>::max()), "9999-12-31T23:59:59Z");
  EXPECT_EQ(Write(times, 0, std::numeric_limits<std::int32_t>::max()),
            "1970-01-01T00:00:00.999999999Z");
  EXPECT_EQ(Write(times, 0, -1), "1970-01-01T00:00:00.000Z");
}

}  // namespace
}  // namespace scaleout::gateway
