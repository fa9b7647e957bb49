#include "gateway/session_check.h"

#include <gtest/gtest.h>

#include "tests/support/fake_backends.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using testing::RunningTask;

class SessionCheckTest : public ::testing::Test, protected testing::RequestFixture {
 protected:
  absl::StatusOr<bool> Check(Role role = Role::kCustomer) {
    VerifiedToken token;
    token.principal = {7, role, false};
    token.session_id = "s";
    RunningTask<absl::StatusOr<bool>> checking(check(context, token));
    return checking.value();
  }

  testing::FakeAuthBackend auth;
  AskSession check = MakeSessionCheck(auth);
};

TEST_F(SessionCheckTest, AsksAboutTheTokensSessionUserAndRole) {
  user::v1::CheckSessionsResponse answer;
  answer.add_entries()->set_alive(true);
  auth.check_sessions.Answers(answer);
  EXPECT_EQ(Check(), absl::StatusOr<bool>(true));
  answer.mutable_entries(0)->set_alive(false);
  auth.check_sessions.Answers(answer);
  EXPECT_EQ(Check(Role::kAdmin), absl::StatusOr<bool>(false));
  ASSERT_EQ(auth.check_sessions.asked().size(), 2U);
  const user::v1::CheckSessionsRequest& first = auth.check_sessions.asked()[0];
  ASSERT_EQ(first.keys_size(), 1);
  EXPECT_EQ(first.keys(0).session_id(), "s");
  EXPECT_EQ(first.keys(0).user_id(), 7);
  EXPECT_EQ(first.keys(0).role(), rpc::v1::ROLE_CUSTOMER);
  EXPECT_EQ(auth.check_sessions.asked()[1].keys(0).role(), rpc::v1::ROLE_ADMIN);
}

TEST_F(SessionCheckTest, TakesNoErrorForAnAnswer) {
  auth.check_sessions.Answers(absl::UnavailableError("away"));
  EXPECT_EQ(Check().status(), absl::UnavailableError("away"));
  user::v1::CheckSessionsResponse answer;
  auth.check_sessions.Answers(answer);
  EXPECT_TRUE(absl::IsInternal(Check().status()));
  answer.add_entries()->mutable_error();
  auth.check_sessions.Answers(answer);
  EXPECT_TRUE(absl::IsInternal(Check().status()));
  answer.mutable_entries(0)->set_alive(true);
  answer.add_entries()->set_alive(true);
  auth.check_sessions.Answers(answer);
  EXPECT_TRUE(absl::IsInternal(Check().status()));
}

}  // namespace
}  // namespace scaleout::gateway
