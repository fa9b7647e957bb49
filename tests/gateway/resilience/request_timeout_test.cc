#include "gateway/resilience/request_timeout.h"

#include <gtest/gtest.h>

#include "common/status.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLimit{3000};

TEST(ParseRequestTimeout, IsTheRoutesLimitWithoutAHeader) {
  EXPECT_EQ(ParseRequestTimeout(std::nullopt, kLimit).value(), kLimit);
}

TEST(ParseRequestTimeout, ShortensTheLimitAndNeverExtendsIt) {
  EXPECT_EQ(ParseRequestTimeout("50", kLimit).value(), milliseconds(50));
  EXPECT_EQ(ParseRequestTimeout("1", kLimit).value(), milliseconds(1));
  EXPECT_EQ(ParseRequestTimeout("0050", kLimit).value(), milliseconds(50));
  EXPECT_EQ(ParseRequestTimeout("3000", kLimit).value(), kLimit);
  EXPECT_EQ(ParseRequestTimeout("3001", kLimit).value(), kLimit);
}

TEST(ParseRequestTimeout, TakesNumbersOfAnyLength) {
  EXPECT_EQ(ParseRequestTimeout("9223372036854775807", kLimit).value(), kLimit);
  EXPECT_EQ(ParseRequestTimeout("9223372036854775808", kLimit).value(), kLimit);
  EXPECT_EQ(ParseRequestTimeout(std::string(5000, '9'), kLimit).value(), kLimit);
}

TEST(ParseRequestTimeout, RefusesWhatIsNotAPositiveInteger) {
  for (const char* text : {"", "0", "000", "-1", "+5", "1.5", "1e3", "50ms", " 50", "50 ", "0x10",
                           "abc", "\xd9\xa1", "99999999999999999999x"}) {
    const absl::StatusOr<milliseconds> parsed = ParseRequestTimeout(text, kLimit);
    ASSERT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    const std::vector<FieldViolation> violations = FieldViolationsOf(parsed.status());
    ASSERT_EQ(violations.size(), 1u) << text;
    EXPECT_EQ(violations[0].field, "/headers/X-Request-Timeout-Ms");
  }
}

}  // namespace
}  // namespace scaleout::gateway
