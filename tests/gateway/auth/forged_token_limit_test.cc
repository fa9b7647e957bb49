#include "gateway/auth/forged_token_limit.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string_view>

#include "common/metrics.h"
#include "common/status.h"
#include "tests/support/request_fixture.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;

class ForgedTokenLimitTest : public ::testing::Test, protected testing::RequestFixture {
 protected:
  absl::Status Check(std::string_view address) {
    context.client = *IpAddress::Parse(address);
    return limit->Check(context);
  }
  void Fail(std::string_view address) {
    context.client = *IpAddress::Parse(address);
    limit->Charge(context);
  }
  double Counted(const char* result) {
    return metrics
        ->AddCounter("gateway_rate_limit_total", "",
                     {{"policy", "forged-token"}, {"result", result}})
        .value();
  }

  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  const std::unique_ptr<ForgedTokenLimit> limit = MakeForgedTokenLimit({3, 60s}, *metrics);
};

TEST_F(ForgedTokenLimitTest, AllowsEverythingWhileNothingFails) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Check("203.0.113.1"), absl::OkStatus());
  EXPECT_TRUE(context.rate_limits.empty());
}

TEST_F(ForgedTokenLimitTest, RefusesAnAddressWhoseSignaturesFail) {
  for (int i = 0; i < 3; ++i) Fail("203.0.113.1");
  const absl::Status refused = Check("203.0.113.1");
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_EQ(ReasonOf(refused), kReasonRateLimited);
  EXPECT_EQ(MetadataOf(refused)["policy"], "forged-token");
  EXPECT_EQ(MetadataOf(refused)["retryAfterMs"], "20000");
  ASSERT_EQ(context.rate_limits.size(), 1U);
  EXPECT_EQ(Check("203.0.113.2"), absl::OkStatus());
  EXPECT_EQ(Counted("allowed"), 3);
  EXPECT_EQ(Counted("refused"), 1);
}

TEST_F(ForgedTokenLimitTest, AllowsAgainAtItsRate) {
  for (int i = 0; i < 30; ++i) Fail("203.0.113.1");
  EXPECT_FALSE(Check("203.0.113.1").ok());
  clock.Advance(20s);
  EXPECT_EQ(Check("203.0.113.1"), absl::OkStatus());
  Fail("203.0.113.1");
  EXPECT_FALSE(Check("203.0.113.1").ok());
}

TEST_F(ForgedTokenLimitTest, TakesANetworkOfIpv6ForOneClient) {
  for (const char* address : {"2001:db8::1", "2001:db8::2", "2001:db8::3"}) Fail(address);
  EXPECT_FALSE(Check("2001:db8::4").ok());
  EXPECT_TRUE(Check("2001:db8:0:1::4").ok());
}

TEST_F(ForgedTokenLimitTest, IsNotThereWhereItIsOff) {
  EXPECT_EQ(MakeForgedTokenLimit({.requests = 0}, *metrics), nullptr);
}

}  // namespace
}  // namespace scaleout::gateway
