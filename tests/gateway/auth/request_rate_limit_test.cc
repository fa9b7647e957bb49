#include "gateway/auth/request_rate_limit.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "common/metrics.h"
#include "common/status.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using testing::RequestFixture;
using testing::RunningTask;

class RequestRateLimitTest : public ::testing::Test {
 protected:
  absl::Status Ask(const Principal& principal, std::string_view address) {
    request_.context.principal = principal;
    request_.context.client = *IpAddress::Parse(address);
    request_.context.rate_limits.clear();
    RunningTask<absl::Status> charging(limit_->Charge(request_.context));
    return charging.value();
  }

  RequestFixture request_;
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  const std::unique_ptr<RateLimiter> limiter_ = MakeRateLimiter(
      nullptr, [] { return 1; }, *metrics_);
  const std::unique_ptr<RequestRateLimit> limit_ =
      MakeRequestRateLimit(RateLimit{3, 60s}, *limiter_, *metrics_);
};

TEST_F(RequestRateLimitTest, LimitsAUserWhereverItIs) {
  const Principal user{7, Role::kCustomer};
  EXPECT_TRUE(Ask(user, "203.0.113.1").ok());
  EXPECT_TRUE(Ask(user, "203.0.113.2").ok());
  EXPECT_TRUE(Ask(user, "203.0.113.3").ok());
  const absl::Status refused = Ask(user, "203.0.113.4");
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_EQ(ReasonOf(refused), kReasonRateLimited);
  EXPECT_EQ(MetadataOf(refused)["policy"], "default");
  EXPECT_EQ(MetadataOf(refused)["retryAfterMs"], "20000");
  EXPECT_TRUE(Ask({8, Role::kAdmin}, "203.0.113.4").ok()) << "another user of the same address";
}

TEST_F(RequestRateLimitTest, LimitsAnAddressWithoutALogin) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Ask({}, "203.0.113.1").ok());
  EXPECT_FALSE(Ask({}, "203.0.113.1").ok());
  EXPECT_FALSE(Ask(kLabPrincipal, "203.0.113.1").ok()) << "is no login";
  EXPECT_TRUE(Ask({}, "203.0.113.2").ok());
  EXPECT_TRUE(Ask({1, Role::kCustomer}, "203.0.113.1").ok());
}

TEST_F(RequestRateLimitTest, NotesWhatIsLeft) {
  EXPECT_TRUE(Ask({}, "203.0.113.1").ok());
  ASSERT_EQ(request_.context.rate_limits.size(), 1U);
  EXPECT_EQ(request_.context.rate_limits[0].policy, "default");
  EXPECT_EQ(request_.context.rate_limits[0].requests, 3);
  EXPECT_EQ(request_.context.rate_limits[0].period, 60s);
  EXPECT_EQ(request_.context.rate_limits[0].remaining, 2);
  EXPECT_EQ(request_.context.rate_limits[0].next, 20s);
}

TEST_F(RequestRateLimitTest, IsNotMadeWhereItIsOff) {
  EXPECT_EQ(MakeRequestRateLimit(RateLimit{}, *limiter_, *metrics_), nullptr);
}

}  // namespace
}  // namespace scaleout::gateway
