#include "gateway/auth/revocation_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_logger.h"
#include "tests/support/fake_revocation_stream.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLimit = 1'000;

// "00...05"
std::string Id(std::uint64_t number) { return SessionIdOf({.high = 0, .low = number}); }

class RevocationFollowerTest : public ::testing::Test {
 protected:
  RevocationFollowerTest() {
    stream_.server_time = [this] { return clock_.WallNow() - skew_; };
  }

  absl::StatusOr<RevocationPage> List(const std::string& page_token) {
    asked_pages_.push_back(page_token);
    on_list_();
    if (!list_.ok()) return list_;
    return pages_[page_token];
  }

  std::optional<bool> IsAlive(std::uint64_t number) {
    return follower_.IsAlive({.high = 0, .low = number});
  }

  // Begins, and takes the first poll.
  void Follow() {
    ASSERT_EQ(follower_.Step(), 0ms);
    ASSERT_EQ(follower_.Step(), 0ms);
    ASSERT_TRUE(follower_.trusted());
  }

  testing::FakeClock clock_;
  testing::FakeLogger logger_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  testing::FakeRevocationStream stream_;
  WallTime::duration skew_{0};  // how far the gateway's clock is ahead
  std::map<std::string, RevocationPage> pages_ = {{"", {}}};  // by their tokens
  std::vector<std::string> asked_pages_;
  std::function<void()> on_list_ = [] {};
  absl::Status list_;
  RevocationFollower follower_{stream_.MakeReader(),
                               [this](const std::string& token) { return List(token); },
                               clock_,
                               logger_,
                               *metrics_,
                               kLimit};
};

TEST_F(RevocationFollowerTest, KnowsNothingBeforeItsFirstPoll) {
  EXPECT_FALSE(IsAlive(1));
  ASSERT_EQ(follower_.Step(), 0ms);
  EXPECT_FALSE(IsAlive(1));
  ASSERT_EQ(follower_.Step(), 0ms);
  EXPECT_EQ(IsAlive(1), true);
  EXPECT_EQ(stream_.waits, std::vector<Duration>{kRevocationWait});
}

TEST_F(RevocationFollowerTest, KnowsWhatWasListedOnAnyPageAndWhatCameAfterwards) {
  pages_ = {{"", {{Id(1), Id(2)}, "next"}}, {"next", {{Id(3)}, "last"}}, {"last", {{Id(4)}, ""}}};
  stream_.entries = {Id(9)};  // older than its beginning
  Follow();
  for (const std::uint64_t session : {1, 2, 3, 4}) EXPECT_EQ(IsAlive(session), false);
  EXPECT_EQ(IsAlive(9), true);
  stream_.entries.push_back(Id(5));
  EXPECT_EQ(IsAlive(5), true);
  ASSERT_EQ(follower_.Step(), 0ms);
  EXPECT_EQ(IsAlive(5), false);
  EXPECT_EQ(IsAlive(6), true);
}

// It is committed after the list was read, and appended after that.
TEST_F(RevocationFollowerTest, KnowsWhatEndsWhileItLists) {
  on_list_ = [this] { stream_.entries.push_back(Id(1)); };
  Follow();
  EXPECT_EQ(IsAlive(1), false);
}

TEST_F(RevocationFollowerTest, TrustsAPollFromItsSendingOnUntilItsTimeIsOver) {
  stream_.on_arrival = [this] { clock_.Advance(100ms); };
  stream_.on_reply = [this] { clock_.Advance(100ms); };
  Follow();
  clock_.Advance(299ms);
  EXPECT_EQ(IsAlive(1), true);
  clock_.Advance(1ms);
  EXPECT_FALSE(IsAlive(1));
  EXPECT_FALSE(follower_.trusted());
}

TEST_F(RevocationFollowerTest, AnswerThatCameTooLateIsNotTrusted) {
  ASSERT_EQ(follower_.Step(), 0ms);
  stream_.on_reply = [this] { clock_.Advance(500ms); };
  ASSERT_EQ(follower_.Step(), 0ms);
  EXPECT_FALSE(IsAlive(1));
}

// A process that was stopped for a while (SIGSTOP) has not taken a step meanwhile.
TEST_F(RevocationFollowerTest, KnowsNothingAfterATimeInWhichItDidNotRun) {
  Follow();
  clock_.Advance(10s);
  EXPECT_FALSE(IsAlive(1));
  // What it had read is no longer enough: it begins anew.
  stream_.entries = {Id(1)};
  pages_[""].session_ids = {Id(1)};
  EXPECT_EQ(follower_.Step(), Duration(kRevocationRetryPause));
  EXPECT_FALSE(IsAlive(1));
  Follow();
  EXPECT_EQ(IsAlive(1), false);
  EXPECT_EQ(stream_.begins, 2);
}

TEST_F(RevocationFollowerTest, StaysTrustedOverAFailureThatPassesSoon) {
  Follow();
  stream_.status = absl::UnavailableError("away");
  clock_.Advance(200ms);
  EXPECT_EQ(follower_.Step(), Duration(kRevocationRetryPause));
  EXPECT_EQ(IsAlive(1), true);
  stream_.status = absl::OkStatus();
  ASSERT_EQ(follower_.Step(), 0ms);
  clock_.Advance(499ms);
  EXPECT_EQ(IsAlive(1), true);
  EXPECT_EQ(stream_.begins, 1);
  EXPECT_EQ(logger_.CountOf("ended sessions are not known: the user service is asked for each"),
            0U);
}

TEST_F(RevocationFollowerTest, BeginsAnewWhenTheServerWasAwayForLong) {
  Follow();
  stream_.status = absl::UnavailableError("away");
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(100ms);
    follower_.Step();
  }
  EXPECT_FALSE(IsAlive(1));
  EXPECT_EQ(logger_.CountOf("ended sessions are not known: the user service is asked for each"),
            1U);
  stream_.status = absl::OkStatus();
  pages_[""].session_ids = {Id(1)};
  Follow();
  EXPECT_EQ(IsAlive(1), false);
  EXPECT_EQ(logger_.CountOf("ended sessions are known"), 2U);
  EXPECT_EQ(asked_pages_.size(), 2U);
}

TEST_F(RevocationFollowerTest, BeginsAnewAtOnceWhenTheStreamIsAnotherOne) {
  Follow();
  stream_.incarnation = "second";
  stream_.entries = {Id(9)};
  pages_[""].session_ids = {Id(1)};
  EXPECT_EQ(follower_.Step(), Duration(kRevocationRetryPause));
  EXPECT_FALSE(IsAlive(2));
  Follow();
  EXPECT_EQ(IsAlive(1), false);
  EXPECT_EQ(IsAlive(2), true);
}

TEST_F(RevocationFollowerTest, IsNotTrustedWhileNoPublisherHasMadeTheStream) {
  stream_.incarnation = "";
  EXPECT_EQ(follower_.Step(), Duration(kRevocationRetryPause));
  EXPECT_EQ(asked_pages_.size(), 0U);
  EXPECT_FALSE(IsAlive(1));
  EXPECT_TRUE(logger_.Find("ended sessions are not known: the user service is asked for each"));
}

TEST_F(RevocationFollowerTest, IsNotTrustedUntilTheListWasRead) {
  list_ = absl::UnavailableError("away");
  EXPECT_EQ(follower_.Step(), Duration(kRevocationRetryPause));
  EXPECT_EQ(follower_.Step(), Duration(kRevocationRetryPause));
  EXPECT_FALSE(IsAlive(1));
  EXPECT_EQ(stream_.reads, 0);
  list_ = absl::OkStatus();
  Follow();
  EXPECT_EQ(metrics_
                ->AddCounter("gateway_revocation_loads_total",
                             "Times that all revocations were read from the user service",
                             {{"outcome", "failed"}})
                .value(),
            2);
}

TEST_F(RevocationFollowerTest, TrustsNoBatchThatIsNotAllOfThem) {
  Follow();
  clock_.Advance(400ms);
  for (std::uint64_t i = 1; i <= kRevocationBatch + 1; ++i) stream_.entries.push_back(Id(i));
  ASSERT_EQ(follower_.Step(), 0ms);
  EXPECT_EQ(IsAlive(kRevocationBatch), false);
  clock_.Advance(100ms);
  EXPECT_FALSE(IsAlive(kRevocationBatch));
  EXPECT_EQ(stream_.waits.size(), 1U);  // it does not wait before the next poll
  ASSERT_EQ(follower_.Step(), 0ms);
  EXPECT_EQ(IsAlive(kRevocationBatch + 1), false);
  EXPECT_EQ(stream_.waits.size(), 2U);
}

TEST_F(RevocationFollowerTest, TrustsNothingWhileThereAreMoreRevocationsThanItHolds) {
  for (std::uint64_t i = 1; i < kLimit; ++i) pages_[""].session_ids.push_back(Id(i));
  Follow();
  stream_.entries = {Id(kLimit), Id(kLimit + 1)};
  pages_[""].session_ids.push_back(Id(kLimit));
  pages_[""].session_ids.push_back(Id(kLimit + 1));
  EXPECT_EQ(follower_.Step(), Duration(kRevocationFullPause));
  EXPECT_FALSE(IsAlive(kLimit + 2));
  EXPECT_EQ(follower_.Step(), Duration(kRevocationFullPause));
  EXPECT_FALSE(IsAlive(kLimit + 2));
  pages_[""].session_ids.erase(pages_[""].session_ids.begin());
  Follow();
  EXPECT_EQ(IsAlive(kLimit + 1), false);
}

TEST_F(RevocationFollowerTest, ReadsNoListWithoutAnEnd) {
  pages_[""].next_page_token = "again";
  pages_["again"].next_page_token = "again";
  EXPECT_EQ(follower_.Step(), Duration(kRevocationFullPause));
  EXPECT_EQ(asked_pages_.size(), static_cast<std::size_t>(kMaxRevocationPages));
  EXPECT_FALSE(IsAlive(1));
}

TEST_F(RevocationFollowerTest, ForgetsRevocationsThatNoTokenOutlives) {
  pages_[""].session_ids = {Id(1)};
  Follow();
  clock_.Advance(kRevocationAge);
  pages_[""].session_ids = {};
  EXPECT_EQ(follower_.Step(), Duration(kRevocationRetryPause));
  Follow();
  EXPECT_EQ(IsAlive(1), true);
}

// Else a token that the slow clock takes for valid would outlive what is known of its session.
TEST_F(RevocationFollowerTest, IsNotTrustedWhileItsClockIsAnotherThanTheServers) {
  const char* const warning = "ended sessions are not known: the user service is asked for each";
  for (const auto wrong : {kMostClockSkew + 1s, -kMostClockSkew - 1s}) {
    skew_ = {};
    Follow();
    const std::size_t warned = logger_.CountOf(warning);
    skew_ = wrong;
    stream_.entries.push_back(Id(1));
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(follower_.Step(), Duration(kRevocationRetryPause));
      EXPECT_FALSE(IsAlive(1));
      EXPECT_FALSE(IsAlive(2));
      clock_.Advance(kRevocationRetryPause);
    }
    EXPECT_EQ(logger_.CountOf(warning), warned + 1);
    EXPECT_THAT(metrics_->RenderPrometheus(),
                ::testing::HasSubstr("\ngateway_clock_skew_seconds " +
                                     std::string(wrong > 0s ? "31" : "-31")));
    skew_ = wrong > 0s ? kMostClockSkew : -kMostClockSkew;
    ASSERT_EQ(follower_.Step(), 0ms);
    EXPECT_EQ(IsAlive(1), false);
    EXPECT_EQ(IsAlive(2), true);
  }
  EXPECT_EQ(stream_.begins, 1) << "it has missed nothing";
}

TEST_F(RevocationFollowerTest, TextThatIsNoIdRevokesNothing) {
  stream_.entries = {};
  Follow();
  stream_.entries = {"x", Id(1), ""};
  ASSERT_EQ(follower_.Step(), 0ms);
  EXPECT_EQ(IsAlive(1), false);
}

TEST_F(RevocationFollowerTest, SaysWhetherItIsTrustedAndHowManyItKnows) {
  const auto gauge = [&](const std::string& name) {
    const std::string page = metrics_->RenderPrometheus();
    const std::string line = "\n" + name + " ";
    return page.substr(page.find(line) + line.size(), 1);
  };
  EXPECT_EQ(gauge("gateway_revocations_trusted"), "0");
  pages_[""].session_ids = {Id(1), Id(2), Id(2)};
  Follow();
  EXPECT_EQ(gauge("gateway_revocations_trusted"), "1");
  EXPECT_EQ(gauge("gateway_revocations"), "2");
  clock_.Advance(500ms);
  EXPECT_EQ(gauge("gateway_revocations_trusted"), "0");
}

}  // namespace
}  // namespace scaleout::gateway
