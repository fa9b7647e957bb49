// The guards of calls that wait for what is slow by its nature: what opens their breakers, and what
// is only slow.
#include "gateway/backends/patient_guard.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"
#include "gateway/backends/auth_backend.h"
#include "gateway/backends/backends.h"
#include "gateway/backends/payment_backend.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_logger.h"
#include "tests/support/guard_fixture.h"

namespace scaleout::gateway {
namespace {

constexpr int kFlood = 200;

struct PatientGuard {
  std::string_view name;
  BackendGuard& (*add)(Backends& backends, const GuardParts& parts);
  PatientLimits limits;

  friend void PrintTo(const PatientGuard& guard, std::ostream* out) { *out << guard.name; }
};

const PatientGuard kPatientGuards[] = {
    {kCredentialsGuard,
     &AddCredentialsGuard,
     {kCredentialTime, kSilentCredentialTime, kMaxCredentialCalls}},
    {kChargesGuard, &AddChargesGuard, {kChargeTime, kSilentChargeTime, kMaxChargeCalls}},
};

class PatientGuardTest : public ::testing::TestWithParam<PatientGuard> {
 protected:
  // One that had so much time, took so long and ended so.
  void Call(Duration took, const absl::Status& status, Duration given) {
    CircuitDecision decision = guard_.breaker().Acquire();
    if (!decision.permit) return;
    const CallOutcome outcome = guard_.OutcomeOf(status, given);
    decision.permit->Finish(outcome, clock_.Now() + took);
  }
  CircuitState StateAfter(Duration took, const absl::Status& status, Duration given) {
    guard_.breaker().Reset();
    for (int i = 0; i < kFlood; ++i) Call(took, status, given);
    return guard_.breaker().state();
  }
  CircuitState StateAfter(Duration took, const absl::Status& status) {
    return StateAfter(took, status, limits_.attempt_timeout);
  }
  int PlacesIn(BackendGuard& guard) {
    std::vector<BulkheadPermit> permits;
    while (std::optional<BulkheadPermit> permit = guard.bulkhead().TryAcquire()) {
      permits.push_back(*std::move(permit));
    }
    return static_cast<int>(permits.size());
  }

  const PatientLimits limits_ = GetParam().limits;
  testing::FakeClock clock_;
  testing::FakeLogger logger_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  testing::GuardFixture guards_{clock_, *metrics_, logger_};
  Backends backends_;
  BackendGuard& guard_ = [this]() -> BackendGuard& {
    guards_.config.breaker = CircuitBreakerConfig();
    return GetParam().add(backends_, guards_.parts());
  }();
};

TEST_P(PatientGuardTest, IsInTheListByItsName) {
  EXPECT_EQ(backends_.FindGuard(GetParam().name), &guard_);
  EXPECT_EQ(guard_.attempt_timeout(), limits_.attempt_timeout);
}

TEST_P(PatientGuardTest, AnAnswerOpensNothingHoweverLateItComes) {
  for (const absl::Status& answer :
       {absl::OkStatus(), absl::UnauthenticatedError("wrong"), absl::AlreadyExistsError("taken")}) {
    EXPECT_EQ(StateAfter(limits_.attempt_timeout, answer), CircuitState::kClosed) << answer;
  }
  EXPECT_EQ(guard_.breaker().Snapshot().counts.calls, kFlood);
}

TEST_P(PatientGuardTest, WhatIsNotTheServicesFaultOpensNothing) {
  for (const std::string_view reason : {kReasonOverloaded, kReasonPaymentUnknown}) {
    const absl::Status ignored = WithReason(absl::UnavailableError("busy"), reason);
    EXPECT_EQ(StateAfter(limits_.attempt_timeout, ignored), CircuitState::kClosed) << reason;
  }
  EXPECT_EQ(guard_.breaker().Snapshot().ignored, 2 * kFlood);
}

TEST_P(PatientGuardTest, AClientsOwnShortDeadlineOpensNothing) {
  const absl::Status late = absl::DeadlineExceededError("late");
  const Duration given = limits_.silence - Duration(1);
  EXPECT_EQ(StateAfter(given, late, given), CircuitState::kClosed);
}

TEST_P(PatientGuardTest, AServiceThatIsFrozenOpensIt) {
  const absl::Status late = absl::DeadlineExceededError("late");
  EXPECT_EQ(StateAfter(limits_.attempt_timeout, late), CircuitState::kOpen);
  EXPECT_EQ(StateAfter(limits_.silence, late, limits_.silence), CircuitState::kOpen);
}

TEST_P(PatientGuardTest, AServiceThatIsAwayOpensIt) {
  EXPECT_EQ(StateAfter(Duration(), absl::UnavailableError("refused")), CircuitState::kOpen);
}

TEST_P(PatientGuardTest, AFewAreInFlightAndTheRestIsRefusedHere) {
  EXPECT_EQ(PlacesIn(guard_), limits_.max_calls);
  guards_.config.bulkhead.max_concurrent_calls = limits_.max_calls - 1;
  Backends fewer;
  std::unique_ptr<Metrics> metrics = MakeMetrics();
  EXPECT_EQ(PlacesIn(GetParam().add(
                fewer, {guards_.config, clock_, guards_.parts().random, *metrics, logger_})),
            limits_.max_calls - 1);
}

TEST_P(PatientGuardTest, SlowAnswersCloseItAgain) {
  ASSERT_EQ(StateAfter(Duration(), absl::UnavailableError("refused")), CircuitState::kOpen);
  clock_.Advance(guards_.config.breaker.open_wait_max);
  for (int i = 0; i < guards_.config.breaker.half_open_permits; ++i) {
    Call(limits_.attempt_timeout, absl::OkStatus(), limits_.attempt_timeout);
  }
  EXPECT_EQ(guard_.breaker().state(), CircuitState::kClosed);
}

INSTANTIATE_TEST_SUITE_P(Each, PatientGuardTest, ::testing::ValuesIn(kPatientGuards),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace scaleout::gateway
