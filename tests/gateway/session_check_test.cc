#include "gateway/session_check.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using testing::RunningTask;
using SessionKey = user::v1::CheckSessionsRequest::Key;
using SessionEntry = user::v1::CheckSessionsResponse::Entry;

class SessionCheckTest : public ::testing::Test, protected testing::RequestFixture {
 protected:
  Task<absl::StatusOr<SessionEntry>> Answer(SessionKey key) {
    asked_.push_back(key);
    co_return answer_;
  }

  absl::StatusOr<bool> Check(Role role = Role::kCustomer) {
    VerifiedToken token;
    token.principal = {7, role, false};
    token.session_id = "s";
    RunningTask<absl::StatusOr<bool>> checking(check_(context, token));
    return checking.value();
  }

  std::vector<SessionKey> asked_;
  absl::StatusOr<SessionEntry> answer_ = SessionEntry();
  const SessionBackend backend_{
      .CheckSession = [this](RequestContext&, const SessionKey& key) { return Answer(key); },
      .ListRevocations = {}};
  const AskSession check_ = MakeSessionCheck(backend_);
};

TEST_F(SessionCheckTest, AsksAboutTheTokensSessionUserAndRole) {
  answer_->set_alive(true);
  EXPECT_EQ(Check(), absl::StatusOr<bool>(true));
  answer_->set_alive(false);
  EXPECT_EQ(Check(Role::kAdmin), absl::StatusOr<bool>(false));
  ASSERT_EQ(asked_.size(), 2U);
  EXPECT_EQ(asked_[0].session_id(), "s");
  EXPECT_EQ(asked_[0].user_id(), 7);
  EXPECT_EQ(asked_[0].role(), rpc::v1::ROLE_CUSTOMER);
  EXPECT_EQ(asked_[1].role(), rpc::v1::ROLE_ADMIN);
}

TEST_F(SessionCheckTest, TakesNoErrorForAnAnswer) {
  EXPECT_TRUE(absl::IsInternal(Check().status()));  // neither alive nor not
  answer_ = absl::UnavailableError("away");
  EXPECT_EQ(Check().status(), absl::UnavailableError("away"));
}

}  // namespace
}  // namespace scaleout::gateway
