#include "gateway/auth/session_view.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using testing::RunningTask;

TEST(AskingSessionView, AnswersWhatItIsAnsweredForEachRequest) {
  testing::RequestFixture fixture;
  absl::StatusOr<bool> answer = true;
  int asked = 0;
  const std::unique_ptr<SessionView> sessions = MakeAskingSessionView(
      [&](RequestContext&, const VerifiedToken& token) -> Task<absl::StatusOr<bool>> {
        EXPECT_EQ(token.session_id, "s");
        ++asked;
        co_return answer;
      });
  VerifiedToken token;
  token.session_id = "s";
  RunningTask<absl::StatusOr<bool>> alive(sessions->IsAlive(fixture.context, token));
  EXPECT_TRUE(*alive.value());
  answer = false;
  RunningTask<absl::StatusOr<bool>> ended(sessions->IsAlive(fixture.context, token));
  EXPECT_FALSE(*ended.value());
  answer = absl::UnavailableError("away");
  RunningTask<absl::StatusOr<bool>> unknown(sessions->IsAlive(fixture.context, token));
  EXPECT_EQ(unknown.value().status(), absl::UnavailableError("away"));
  EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace scaleout::gateway
