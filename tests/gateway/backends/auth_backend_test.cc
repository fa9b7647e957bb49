// The guard of logins: what opens its breaker, and what is only a queue.
#include "gateway/backends/auth_backend.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/status.h"
#include "gateway/backends/backends.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_logger.h"
#include "tests/support/guard_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::seconds;

constexpr int kFlood = 200;

class CredentialsGuardTest : public ::testing::Test {
 protected:
  CredentialsGuardTest() {
    guards_.config.breaker = CircuitBreakerConfig();
    guard_ = &AddCredentialsGuard(backends_, guards_.parts());
  }

  // One that had so much time, took so long and ended so.
  void LogIn(Duration took, const absl::Status& status, Duration given = kCredentialTime) {
    CircuitDecision decision = guard_->breaker().Acquire();
    if (!decision.permit) return;
    const CallOutcome outcome = guard_->OutcomeOf(status, given);
    decision.permit->Finish(outcome, clock_.Now() + took);
  }
  CircuitState StateAfter(Duration took, const absl::Status& status,
                          Duration given = kCredentialTime) {
    guard_->breaker().Reset();
    for (int i = 0; i < kFlood; ++i) LogIn(took, status, given);
    return guard_->breaker().state();
  }

  testing::FakeClock clock_;
  testing::FakeLogger logger_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  testing::GuardFixture guards_{clock_, *metrics_, logger_};
  Backends backends_;
  BackendGuard* guard_ = nullptr;
};

TEST_F(CredentialsGuardTest, AnAnswerOpensNothingHoweverLateItComes) {
  for (const absl::Status& answer :
       {absl::OkStatus(), absl::UnauthenticatedError("wrong"), absl::AlreadyExistsError("taken")}) {
    EXPECT_EQ(StateAfter(kCredentialTime, answer), CircuitState::kClosed) << answer;
  }
  EXPECT_EQ(guard_->breaker().Snapshot().counts.calls, kFlood);
}

TEST_F(CredentialsGuardTest, AQueueThatIsFullOpensNothing) {
  const absl::Status full = WithReason(absl::UnavailableError("busy"), kReasonOverloaded);
  EXPECT_EQ(StateAfter(seconds(2), full), CircuitState::kClosed);
  EXPECT_EQ(guard_->breaker().Snapshot().ignored, kFlood);
}

TEST_F(CredentialsGuardTest, AClientsOwnShortDeadlineOpensNothing) {
  const absl::Status late = absl::DeadlineExceededError("late");
  const Duration given = kSilentCredentialTime - Duration(1);
  EXPECT_EQ(StateAfter(given, late, given), CircuitState::kClosed);
}

TEST_F(CredentialsGuardTest, AServiceThatIsFrozenOpensIt) {
  const absl::Status late = absl::DeadlineExceededError("late");
  EXPECT_EQ(StateAfter(kCredentialTime, late), CircuitState::kOpen);
  EXPECT_EQ(StateAfter(kSilentCredentialTime, late, kSilentCredentialTime), CircuitState::kOpen);
}

TEST_F(CredentialsGuardTest, AServiceThatIsAwayOpensIt) {
  EXPECT_EQ(StateAfter(Duration(), absl::UnavailableError("refused")), CircuitState::kOpen);
}

TEST_F(CredentialsGuardTest, AFewAreInFlightAndTheRestIsRefusedHere) {
  std::vector<BulkheadPermit> permits;
  for (int i = 0; i < kFlood; ++i) {
    std::optional<BulkheadPermit> permit = guard_->bulkhead().TryAcquire();
    if (permit) permits.push_back(*std::move(permit));
  }
  EXPECT_EQ(permits.size(), static_cast<std::size_t>(kMaxCredentialCalls));
}

TEST_F(CredentialsGuardTest, SlowAnswersCloseItAgain) {
  ASSERT_EQ(StateAfter(Duration(), absl::UnavailableError("refused")), CircuitState::kOpen);
  clock_.Advance(guards_.config.breaker.open_wait_max);
  for (int i = 0; i < guards_.config.breaker.half_open_permits; ++i) {
    LogIn(kCredentialTime, absl::OkStatus());
  }
  EXPECT_EQ(guard_->breaker().state(), CircuitState::kClosed);
}

}  // namespace
}  // namespace scaleout::gateway
