#include "service/background_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_logger.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::Eventually;
using testing::FakeLogger;

// Far beyond what anything takes.
constexpr std::chrono::milliseconds kNever = 1h;

class BackgroundThreadTest : public ::testing::Test {
 protected:
  // Rests for ever unless a test says otherwise.
  void Make(BackgroundThreadOptions options) {
    options.name = "worker";
    options.work = "publishing events";
    thread_.emplace(options, clock_, log_);
  }
  void Start() {
    thread_->Start([this] { return ready_.load(); },
                   [this] {
                     const int round = ++rounds_;
                     if (on_round_) on_round_(round);
                     return away_ ? absl::UnavailableError("the server is away") : absl::OkStatus();
                   });
  }
  bool RoundsReach(int rounds) {
    return Eventually([&] { return rounds_ >= rounds; });
  }

  const Clock& clock_ = SystemClock();
  FakeLogger log_;
  std::atomic<bool> ready_{true};
  std::atomic<bool> away_{false};
  std::atomic<int> rounds_{0};
  std::function<void(int)> on_round_;
  std::optional<BackgroundThread> thread_;
};

TEST_F(BackgroundThreadTest, BeginsOnceItIsReady) {
  ready_ = false;
  Make({.poll = kNever, .retry_min = 1ms});
  std::atomic<int> asked{0};
  thread_->Start(
      [&] {
        ++asked;
        return ready_.load();
      },
      [&] {
        ++rounds_;
        return absl::OkStatus();
      });
  EXPECT_TRUE(Eventually([&] { return asked >= 3; }));
  EXPECT_EQ(rounds_, 0);
  ready_ = true;
  EXPECT_TRUE(RoundsReach(1));
}

TEST_F(BackgroundThreadTest, DoesRoundsEverySoOftenByItself) {
  Make({.poll = 1ms, .pace_min = 1ms, .pace_max = 1ms});
  Start();
  EXPECT_TRUE(RoundsReach(5));
}

TEST_F(BackgroundThreadTest, DoesRoundSoonAfterItWasWoken) {
  Make({.poll = kNever, .pace_min = 0ms, .pace_max = 0ms});
  Start();
  ASSERT_TRUE(RoundsReach(1));
  for (int round = 2; round < 20; ++round) {
    thread_->Wake();
    ASSERT_TRUE(RoundsReach(round));
  }
}

// What was committed while a round had read already must not wait for the poll.
TEST_F(BackgroundThreadTest, DoesAnotherRoundWhenItIsWokenDuringOne) {
  Make({.poll = kNever, .pace_min = 0ms, .pace_max = 0ms});
  on_round_ = [this](int round) {
    if (round < 5) thread_->Wake();
  };
  Start();
  EXPECT_TRUE(RoundsReach(5));
  thread_->Stop();
  EXPECT_EQ(rounds_, 5);
}

TEST_F(BackgroundThreadTest, ARoundWithMuchToDoEndsAndTheNextGoesOnSoon) {
  Make({.poll = kNever, .pace_min = 0ms, .pace_max = 0ms, .long_round = 20ms});
  std::vector<Duration> took;
  on_round_ = [&](int) {
    const MonotonicTime began = clock_.Now();
    if (took.size() == 3) return;
    while (!thread_->IsToEndRound()) std::this_thread::yield();
    took.push_back(clock_.Now() - began);
  };
  Start();
  ASSERT_TRUE(RoundsReach(4));
  thread_->Stop();
  for (const Duration time : took) EXPECT_GT(time, 10ms);
}

TEST_F(BackgroundThreadTest, ARoundOutsideTheThreadHasNoEndOfItsOwn) {
  Make({.poll = kNever, .long_round = 0ms});
  EXPECT_FALSE(thread_->IsToEndRound());
  thread_->AskToStop();
  EXPECT_TRUE(thread_->IsToEndRound());
}

TEST_F(BackgroundThreadTest, PaceGathersWhatWakesIt) {
  Make({.poll = kNever, .pace_min = 200ms, .pace_max = 200ms});
  on_round_ = [this](int) { thread_->Wake(); };
  const MonotonicTime start = clock_.Now();
  Start();
  ASSERT_TRUE(RoundsReach(3));
  EXPECT_GE(clock_.Now() - start, 400ms);
}

TEST_F(BackgroundThreadTest, RestsInProportionToItsWork) {
  Make({.poll = kNever, .work_share = 10, .pace_min = 0ms, .pace_max = kNever});
  on_round_ = [this](int) {
    thread_->Wake();
    const MonotonicTime end = clock_.Now() + 20ms;
    EXPECT_TRUE(Eventually([&] { return clock_.Now() >= end; }));
  };
  const MonotonicTime start = clock_.Now();
  Start();
  ASSERT_TRUE(RoundsReach(2));
  EXPECT_GE(clock_.Now() - start, 220ms);
}

TEST_F(BackgroundThreadTest, RestAfterLongWorkIsBounded) {
  Make({.poll = kNever, .work_share = 1'000'000'000, .pace_min = 0ms, .pace_max = 1ms});
  on_round_ = [this](int) { thread_->Wake(); };
  Start();
  EXPECT_TRUE(RoundsReach(5));
}

TEST_F(BackgroundThreadTest, PausesDoubleAfterFailuresAndWakingDoesNotShortenThem) {
  away_ = true;
  Make({.poll = kNever, .pace_min = 0ms, .pace_max = 0ms, .retry_min = 20ms, .retry_max = 80ms});
  std::vector<MonotonicTime> began;
  on_round_ = [&](int) {
    began.push_back(clock_.Now());
    thread_->Wake();
  };
  Start();
  ASSERT_TRUE(RoundsReach(6));
  thread_->Stop();
  const std::vector<std::chrono::milliseconds> least = {20ms, 40ms, 80ms, 80ms, 80ms};
  for (std::size_t i = 0; i < least.size(); ++i) EXPECT_GE(began[i + 1] - began[i], least[i]) << i;
}

TEST_F(BackgroundThreadTest, PauseIsShortAgainAfterSuccess) {
  away_ = true;
  Make({.poll = kNever, .pace_min = 0ms, .pace_max = 0ms, .retry_min = 1ms, .retry_max = kNever});
  on_round_ = [this](int round) { away_ = round % 4 != 0; };
  Start();
  for (int round = 4; round <= 40; round += 4) {
    ASSERT_TRUE(RoundsReach(round));
    thread_->Wake();
  }
}

TEST_F(BackgroundThreadTest, LogsOnceThatWorkHasToWaitAndOnceThatItGoesOn) {
  away_ = true;
  Make({.poll = 1ms, .pace_min = 0ms, .pace_max = 0ms, .retry_min = 1ms, .retry_max = 1ms});
  Start();
  ASSERT_TRUE(RoundsReach(5));
  EXPECT_EQ(log_.CountOf("publishing events has to wait"), 1U);
  EXPECT_EQ(log_.Find("publishing events has to wait")->fields.at("error"), "the server is away");
  EXPECT_EQ(log_.CountOf("publishing events goes on"), 0U);
  away_ = false;
  ASSERT_TRUE(RoundsReach(rounds_ + 5));
  EXPECT_EQ(log_.CountOf("publishing events goes on"), 1U);
  EXPECT_EQ(log_.lines().size(), 2U);
}

TEST_F(BackgroundThreadTest, StopWaitsForTheRoundAtWorkAndItsFailureIsNoLogLine) {
  Make({.poll = kNever});
  std::promise<void> begun;
  on_round_ = [&](int) {
    begun.set_value();
    EXPECT_TRUE(Eventually([&] { return thread_->stopping(); }));
    away_ = true;
  };
  Start();
  begun.get_future().wait();
  thread_->Stop();
  EXPECT_TRUE(away_);
  EXPECT_TRUE(log_.lines().empty());
}

TEST_F(BackgroundThreadTest, StopsWhileItRestsAndBeforeItIsReadyAndWithoutStart) {
  Make({.poll = kNever});
  Start();
  ASSERT_TRUE(RoundsReach(1));
  thread_->Stop();
  thread_->Stop();
  away_ = true;
  Make({.poll = kNever, .retry_min = kNever});
  Start();
  ASSERT_TRUE(RoundsReach(2));
  thread_.reset();
  ready_ = false;
  Make({.poll = kNever, .retry_min = kNever});
  Start();
  thread_.reset();
  Make({});
  thread_->Wake();
  thread_.reset();
  EXPECT_EQ(rounds_, 2);
}

}  // namespace
}  // namespace scaleout
