// Random call sequences against the breaker's invariants. The seeds are fixed: a failure names one.
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <vector>

#include "gateway/resilience/circuit_breaker.h"
#include "tests/support/fake_clock.h"

namespace scaleout::gateway {
namespace {

using ::scaleout::testing::FakeClock;
using std::chrono::milliseconds;
using std::chrono::seconds;

class CircuitBreakerProperties : public ::testing::TestWithParam<unsigned> {
 protected:
  struct Out {
    CircuitPermit permit;
    std::uint64_t generation;
    bool probe;
  };

  int Below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }

  // Returns whether it was permitted.
  bool Acquire() {
    CircuitDecision decision = breaker_.Acquire();
    const bool permits = decision.state == CircuitState::kClosed ||
                         decision.state == CircuitState::kDisabled ||
                         decision.state == CircuitState::kHalfOpen;
    EXPECT_TRUE(permits || !decision.permit);
    EXPECT_GE(decision.retry_after, Duration::zero());
    EXPECT_LE(decision.retry_after, seconds(60));
    if (!decision.permit) return false;
    out_.push_back(
        {std::move(*decision.permit), generation_, decision.state == CircuitState::kHalfOpen});
    return true;
  }

  void FinishOne(CallOutcome outcome) {
    if (out_.empty()) return;
    const auto i = static_cast<std::size_t>(Below(static_cast<int>(out_.size())));
    out_[i].permit.Finish(outcome);
    Forget(i);
  }

  void Forget(std::size_t i) {
    std::swap(out_[i], out_.back());
    out_.pop_back();
  }

  CallOutcome AnyOutcome() {
    const int choice = Below(10);
    return choice < 5 ? CallOutcome::kFailure
                      : (choice < 9 ? CallOutcome::kSuccess : CallOutcome::kIgnored);
  }

  void Step(bool with_controls) {
    const int choice = Below(with_controls ? 1000 : 990);
    if (choice < 450) {
      Acquire();
    } else if (choice < 850) {
      FinishOne(AnyOutcome());
    } else if (choice < 880 && !out_.empty()) {
      Forget(static_cast<std::size_t>(Below(static_cast<int>(out_.size()))));
    } else if (choice < 980) {
      clock_.Advance(milliseconds(Below(400)));
    } else if (choice < 990) {
      clock_.Advance(seconds(Below(20)));
    } else if (choice < 993) {
      breaker_.ForceOpen();
    } else if (choice < 996) {
      breaker_.Disable();
    } else {
      breaker_.Reset();
    }
  }

  void CheckInvariants() {
    const CircuitSnapshot snapshot = breaker_.Snapshot();
    ASSERT_GE(snapshot.counts.calls, 0);
    ASSERT_GE(snapshot.counts.failed, 0);
    ASSERT_GE(snapshot.counts.slow, 0);
    ASSERT_LE(snapshot.counts.failed, snapshot.counts.calls);
    ASSERT_LE(snapshot.counts.slow, snapshot.counts.calls);
    ASSERT_GE(snapshot.retry_after, Duration::zero());
    ASSERT_LE(snapshot.retry_after, seconds(60));
    if (snapshot.state != CircuitState::kHalfOpen) return;
    std::int64_t probes = snapshot.counts.calls;
    for (const Out& out : out_) probes += out.probe && out.generation == generation_ ? 1 : 0;
    ASSERT_LE(probes, 3);
    ASSERT_LT(snapshot.counts.calls, 3);  // the third would have decided
  }

  std::mt19937 random_{GetParam()};
  FakeClock clock_;
  std::uint64_t generation_ = 0;
  std::vector<CircuitTransition> transitions_;
  CircuitBreaker breaker_{CircuitBreakerConfig(), clock_,
                          [this] { return std::uniform_real_distribution<double>(0, 1)(random_); },
                          [this](const CircuitTransition& transition) {
                            generation_ = transition.sequence;
                            transitions_.push_back(transition);
                          }};
  std::vector<Out> out_;
};

TEST_P(CircuitBreakerProperties, HoldAtEveryStep) {
  for (int i = 0; i < 20'000; ++i) {
    Step(true);
    ASSERT_NO_FATAL_FAILURE(CheckInvariants()) << "seed " << GetParam() << " step " << i;
  }
}

TEST_P(CircuitBreakerProperties, EveryTransitionHasACause) {
  const CircuitBreakerConfig config;
  for (int i = 0; i < 20'000; ++i) Step(false);
  ASSERT_GT(transitions_.size(), 4u);
  Duration wait = config.open_wait;
  for (std::size_t i = 0; i < transitions_.size(); ++i) {
    const CircuitTransition& t = transitions_[i];
    EXPECT_EQ(t.sequence, i + 1);
    if (i > 0) {
      EXPECT_EQ(t.from, transitions_[i - 1].to);
    }
    const bool tripped = t.counts.FailureRatio() >= 0.5 || t.counts.SlowRatio() >= 0.8;
    if (t.from == CircuitState::kClosed) {
      EXPECT_EQ(t.to, CircuitState::kOpen);
      EXPECT_TRUE(tripped);
      EXPECT_GE(t.counts.calls, 20);
      wait = config.open_wait;
    } else if (t.from == CircuitState::kOpen) {
      EXPECT_EQ(t.to, CircuitState::kHalfOpen);
    } else if (t.to == CircuitState::kClosed) {
      EXPECT_FALSE(tripped);
      EXPECT_GE(t.counts.calls, 1);
    } else {
      EXPECT_EQ(t.to, CircuitState::kOpen);
      EXPECT_TRUE(tripped || t.counts.calls == 0);
      if (t.counts.calls != 0) wait = std::min<Duration>(wait * 2, config.open_wait_max);
    }
    if (t.to == CircuitState::kOpen) {
      EXPECT_GE(t.open_wait, wait * 4 / 5);
      EXPECT_LE(t.open_wait, std::min<Duration>(wait * 6 / 5, seconds(60)));
    }
  }
}

// Whatever happened before, and whatever permits are lost: a backend that is well again is used
// again within the longest wait, one HALF_OPEN that fails on lost leases, and one more wait.
TEST_P(CircuitBreakerProperties, HealthyCallsCloseItInBoundedTime) {
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 500; ++i) Step(false);
    const MonotonicTime healthy_since = clock_.Now();
    while (breaker_.state() != CircuitState::kClosed) {
      ASSERT_LT(clock_.Now() - healthy_since, seconds(2 * 60 + 2 * 10))
          << "seed " << GetParam() << " round " << round;
      clock_.Advance(milliseconds(100));
      if (Acquire()) {
        clock_.Advance(milliseconds(2));
        out_.back().permit.Finish(CallOutcome::kSuccess);
        out_.pop_back();
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, CircuitBreakerProperties,
                         ::testing::Values(1u, 2u, 3u, 5u, 8u, 13u, 21u, 34u, 55u, 89u, 144u));

}  // namespace
}  // namespace scaleout::gateway
