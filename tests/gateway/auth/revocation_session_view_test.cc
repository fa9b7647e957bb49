#include "gateway/auth/revocation_session_view.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "tests/support/fake_logger.h"
#include "tests/support/fake_revocation_stream.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using testing::RunningTask;

class RevocationSessionViewTest : public ::testing::Test {
 protected:
  RevocationSessionViewTest() {
    stream_.server_time = [this] { return fixture_.clock.WallNow(); };
  }

  static VerifiedToken Token(char digit, Principal principal = {7, Role::kCustomer, false}) {
    return {.principal = principal, .session_id = std::string(32, digit), .expires = {}};
  }

  Task<absl::StatusOr<bool>> Ask(RequestContext&, const VerifiedToken&) {
    ++asked_;
    on_ask_();
    co_return answer_;
  }

  std::unique_ptr<SessionView> MakeView(const RevocationFollower* follower, std::size_t loops = 1) {
    return MakeRevocationSessionView(
        follower,
        [this](RequestContext& context, const VerifiedToken& token) { return Ask(context, token); },
        loops, fixture_.clock, *metrics_);
  }

  absl::StatusOr<bool> IsAlive(SessionView& view, const VerifiedToken& token) {
    RunningTask<absl::StatusOr<bool>> answer(view.IsAlive(fixture_.context, token));
    return answer.value();
  }

  double Checks(const std::string& result) {
    return metrics_
        ->AddCounter("gateway_session_checks_total",
                     "Requests with a token whose session the gateway did not know of by itself, "
                     "by what the user service said",
                     {{"result", result}})
        .value();
  }

  testing::RequestFixture fixture_;
  testing::FakeLogger logger_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  testing::FakeRevocationStream stream_;
  RevocationFollower follower_{stream_.MakeReader(),
                               [](const std::string&) {
                                 return RevocationPage{.session_ids = {std::string(32, 'a')},
                                                       .next_page_token = ""};
                               },
                               fixture_.clock, logger_, *metrics_};
  absl::StatusOr<bool> answer_ = true;
  int asked_ = 0;
  std::function<void()> on_ask_ = [] {};
};

TEST_F(RevocationSessionViewTest, AsksNothingWhereTheFollowerKnows) {
  const auto view = MakeView(&follower_);
  follower_.Step();
  follower_.Step();
  EXPECT_FALSE(*IsAlive(*view, Token('a')));
  EXPECT_TRUE(*IsAlive(*view, Token('b')));
  EXPECT_EQ(asked_, 0);
}

TEST_F(RevocationSessionViewTest, AsksTheServiceWhereTheFollowerDoesNotKnow) {
  const auto view = MakeView(&follower_);
  EXPECT_TRUE(*IsAlive(*view, Token('a')));
  answer_ = false;
  EXPECT_FALSE(*IsAlive(*view, Token('b')));
  EXPECT_EQ(asked_, 2);
  EXPECT_EQ(Checks("alive"), 1);
  EXPECT_EQ(Checks("ended"), 1);
  follower_.Step();
  follower_.Step();
  EXPECT_FALSE(*IsAlive(*view, Token('a')));  // it knows better than the answer before
  EXPECT_EQ(asked_, 2);
}

TEST_F(RevocationSessionViewTest, AsksTheServiceWithoutAFollower) {
  const auto view = MakeView(nullptr);
  EXPECT_TRUE(*IsAlive(*view, Token('a')));
  EXPECT_EQ(asked_, 1);
}

TEST_F(RevocationSessionViewTest, RemembersAnAnswerForHalfASecondFromItsAsking) {
  const auto view = MakeView(nullptr);
  on_ask_ = [this] { fixture_.clock.Advance(200ms); };
  EXPECT_TRUE(*IsAlive(*view, Token('a')));
  on_ask_ = [] {};
  answer_ = false;
  fixture_.clock.Advance(299ms);
  EXPECT_TRUE(*IsAlive(*view, Token('a')));
  EXPECT_EQ(Checks("remembered"), 1);
  EXPECT_FALSE(*IsAlive(*view, Token('a', {7, Role::kAdmin, false})));
  fixture_.clock.Advance(1ms);
  EXPECT_FALSE(*IsAlive(*view, Token('a')));
  EXPECT_EQ(asked_, 3);
}

TEST_F(RevocationSessionViewTest, EachLoopRemembersItsOwn) {
  const auto view = MakeView(nullptr, 2);
  EXPECT_TRUE(*IsAlive(*view, Token('a')));
  testing::ManualExecutor other_loop(fixture_.clock, 1);
  RequestContext other(other_loop, fixture_.clock);
  const VerifiedToken token = Token('a');
  RunningTask<absl::StatusOr<bool>> answer(view->IsAlive(other, token));
  EXPECT_TRUE(*answer.value());
  EXPECT_EQ(asked_, 2);
}

TEST_F(RevocationSessionViewTest, ErrorIsTheAnswerAndIsNotRemembered) {
  const auto view = MakeView(&follower_);
  answer_ = absl::UnavailableError("away");
  EXPECT_EQ(IsAlive(*view, Token('a')).status(), absl::UnavailableError("away"));
  EXPECT_EQ(Checks("failed"), 1);
  answer_ = true;
  EXPECT_TRUE(*IsAlive(*view, Token('a')));
}

TEST_F(RevocationSessionViewTest, WhatIsNoSessionsIdIsNotAlive) {
  const auto view = MakeView(nullptr);
  EXPECT_FALSE(*IsAlive(*view, Token('X')));
  EXPECT_EQ(asked_, 0);
}

}  // namespace
}  // namespace scaleout::gateway
