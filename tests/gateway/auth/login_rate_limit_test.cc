#include "gateway/auth/login_rate_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/support/fake_login_rate_limit.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using testing::FakeLoginRateLimit;
using testing::RequestFixture;
using testing::RunningTask;

TEST(NoLoginRateLimit, AllowsEverything) {
  RequestFixture request;
  const std::unique_ptr<LoginRateLimit> limit = MakeNoLoginRateLimit();
  for (int i = 0; i < 1000; ++i) {
    RunningTask<absl::Status> login(limit->ChargeLogin(request.context, "ada@example.com"));
    RunningTask<absl::Status> registration(limit->ChargeRegistration(request.context));
    RunningTask<absl::Status> change(limit->ChargeEmailChange(request.context));
    ASSERT_TRUE(login.done() && login.value().ok());
    ASSERT_TRUE(registration.done() && registration.value().ok());
    ASSERT_TRUE(change.done() && change.value().ok());
  }
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
