#include "gateway/auth/login_rate_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "common/metrics.h"
#include "common/status.h"
#include "common/str_cat.h"
#include "tests/support/fake_login_rate_limit.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using testing::FakeLoginRateLimit;
using testing::RequestFixture;
using testing::RunningTask;
using namespace std::chrono_literals;

class LoginRateLimitTest : public ::testing::Test {
 protected:
  LoginRateLimitTest() {
    request_.context.deadline = request_.clock.Now() + 1h;
    From("203.0.113.7");
  }

  void From(std::string_view address) { request_.context.client = *IpAddress::Parse(address); }
  absl::Status Login(std::string email) {
    return Value(limit_->ChargeLogin(request_.context, std::move(email)));
  }
  absl::Status Register() { return Value(limit_->ChargeRegistration(request_.context)); }
  absl::Status ChangeEmail() { return Value(limit_->ChargeEmailChange(request_.context)); }
  static absl::Status Value(Task<absl::Status> task) {
    RunningTask<absl::Status> running(std::move(task));
    return running.value();
  }
  void Make(const LoginRates& rates) { limit_ = MakeLoginRateLimit(rates, *limiter_, *metrics_); }
  // How many of `tries` were allowed.
  template <typename Try>
  int Allowed(int tries, Try one) {
    int allowed = 0;
    for (int i = 0; i < tries; ++i) allowed += one(i).ok() ? 1 : 0;
    return allowed;
  }

  RequestFixture request_;
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  const std::unique_ptr<RateLimiter> limiter_ = MakeRateLimiter(
      nullptr, [] { return 1; }, *metrics_);
  std::unique_ptr<LoginRateLimit> limit_ = MakeLoginRateLimit({}, *limiter_, *metrics_);
};

TEST_F(LoginRateLimitTest, LimitsAnAccountFromAnAddress) {
  EXPECT_EQ(Allowed(100, [this](int) { return Login("ada@example.com"); }), 5);
  const absl::Status refused = Login("ADA@example.com");
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_EQ(ReasonOf(refused), "RATE_LIMITED");
  EXPECT_EQ(MetadataOf(refused)["policy"], "login-account-address");
  EXPECT_EQ(MetadataOf(refused)["retryAfterMs"], "12000");
  EXPECT_TRUE(Login("bob@example.com").ok());
  request_.clock.Advance(12s);
  EXPECT_TRUE(Login("ada@example.com").ok());
  EXPECT_FALSE(Login("ada@example.com").ok());
}

TEST_F(LoginRateLimitTest, LimitsAnAddress) {
  EXPECT_EQ(Allowed(100, [this](int i) { return Login(StrCat("user", i, "@example.com")); }), 20);
  EXPECT_EQ(MetadataOf(Login("x@example.com"))["policy"], "login-address");
  From("203.0.113.8");
  EXPECT_TRUE(Login("x@example.com").ok());
}

TEST_F(LoginRateLimitTest, LimitsAnAccount) {
  EXPECT_EQ(Allowed(1'000,
                    [this](int i) {
                      From(StrCat("198.51.", i / 250, ".", i % 250));
                      return Login("ada@example.com");
                    }),
            100);
  EXPECT_EQ(MetadataOf(Login("ada@example.com"))["policy"], "login-account");
  EXPECT_TRUE(Login("bob@example.com").ok());
}

TEST_F(LoginRateLimitTest, LetsTheOwnerInWhileGuessesFromElsewhereAreRefused) {
  EXPECT_EQ(Allowed(10'000, [this](int) { return Login("ada@example.com"); }), 5);
  From("198.51.100.4");
  EXPECT_TRUE(Login("Ada@Example.com").ok());
}

TEST_F(LoginRateLimitTest, TakesANetworkOfIpv6ForAnAddress) {
  EXPECT_EQ(Allowed(100,
                    [this](int i) {
                      From(StrCat("2001:db8::", i + 1));
                      return Login("ada@example.com");
                    }),
            5);
  From("2001:db8:0:1::1");
  EXPECT_TRUE(Login("ada@example.com").ok());
}

TEST_F(LoginRateLimitTest, LimitsRegistrationsTogetherWithLogins) {
  EXPECT_EQ(Allowed(15, [this](int) { return Register(); }), 15);
  EXPECT_EQ(Allowed(15, [this](int i) { return Login(StrCat(i, "@example.com")); }), 5);
  EXPECT_EQ(MetadataOf(Register())["policy"], "login-address");
  From("203.0.113.8");
  EXPECT_TRUE(Register().ok());
}

TEST_F(LoginRateLimitTest, LimitsACustomersChangesOfAnEmailAddressOnly) {
  request_.context.principal = {7, Role::kCustomer};
  EXPECT_EQ(Allowed(100, [this](int) { return ChangeEmail(); }), 20);
  EXPECT_FALSE(Register().ok()) << "the same bucket";
  request_.context.principal = {8, Role::kAdmin};
  EXPECT_EQ(Allowed(100, [this](int) { return ChangeEmail(); }), 100);
  request_.context.principal = kLabPrincipal;
  EXPECT_EQ(Allowed(100, [this](int) { return ChangeEmail(); }), 100);
}

TEST_F(LoginRateLimitTest, TakesEachRateThatIsOff) {
  Make({.per_account_and_address = {0}});
  EXPECT_EQ(Allowed(100, [this](int) { return Login("ada@example.com"); }), 20);
  Make({.per_account_and_address = {0}, .per_address = {0}});
  EXPECT_EQ(Allowed(1'000, [this](int) { return Login("bob@example.com"); }), 100);
  EXPECT_EQ(Allowed(1'000, [this](int) { return Register(); }), 1'000);
  Make({.per_account_and_address = {0}, .per_address = {0}, .per_account = {0}});
  EXPECT_EQ(Allowed(1'000, [this](int) { return Login("cyd@example.com"); }), 1'000);
}

TEST_F(LoginRateLimitTest, NotesOnlyWhatRefuses) {
  EXPECT_TRUE(Login("ada@example.com").ok());
  EXPECT_TRUE(request_.context.rate_limits.empty());
  Allowed(5, [this](int) { return Login("ada@example.com"); });
  ASSERT_EQ(request_.context.rate_limits.size(), 1U);
  const RateLimitNote& note = request_.context.rate_limits[0];
  EXPECT_EQ(note.policy, "login-account-address");
  EXPECT_EQ(note.requests, 5);
  EXPECT_EQ(note.period, 60s);
  EXPECT_EQ(note.remaining, 0);
  EXPECT_EQ(note.next, 12s);
}

TEST_F(LoginRateLimitTest, NamesNeitherTheAccountNorTheAddress) {
  Allowed(5, [this](int) { return Login("ada@example.com"); });
  const absl::Status refused = Login("ada@example.com");
  std::string all = refused.ToString();
  for (const auto& [name, value] : MetadataOf(refused)) all += name + value;
  EXPECT_EQ(all.find("ada"), std::string::npos);
  EXPECT_EQ(all.find("203.0"), std::string::npos);
}

TEST_F(LoginRateLimitTest, CountsByPolicyAndResult) {
  Allowed(7, [this](int) { return Login("ada@example.com"); });
  const auto count = [this](const char* policy, const char* result) {
    return metrics_
        ->AddCounter("gateway_rate_limit_total", "", {{"policy", policy}, {"result", result}})
        .value();
  };
  EXPECT_EQ(count("login-account-address", "allowed"), 5);
  EXPECT_EQ(count("login-account-address", "refused"), 2);
  EXPECT_EQ(count("login-address", "allowed"), 5);
  EXPECT_EQ(count("login-address", "refused"), 0);
  EXPECT_EQ(count("login-account", "allowed"), 5);
  EXPECT_EQ(metrics_->AddCounter("gateway_rate_limit_local_total", "").value(), 7);
}

TEST_F(LoginRateLimitTest, EndsWithTheRequestsOwnTime) {
  request_.context.deadline = request_.clock.Now();
  EXPECT_TRUE(absl::IsDeadlineExceeded(Login("ada@example.com")));
}

TEST(FakeLoginRateLimit, NotesWhatIsChargedAndAnswersAsTheTestSays) {
  RequestFixture request;
  FakeLoginRateLimit limit;
  limit.status = absl::ResourceExhaustedError("");
  RunningTask<absl::Status> login(limit.ChargeLogin(request.context, "ada@example.com"));
  EXPECT_EQ(login.value(), limit.status);
  EXPECT_THAT(limit.logins, ::testing::ElementsAre("ada@example.com"));
  EXPECT_EQ(limit.registrations, 0);
  EXPECT_EQ(limit.email_changes, 0);
}

}  // namespace
}  // namespace scaleout::gateway
