#include "gateway/backends/backend_guard.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_logger.h"
#include "tests/support/guard_fixture.h"

namespace scaleout::gateway {
namespace {

struct PaymentGuard {
  std::unique_ptr<Metrics> metrics = MakeMetrics();
  testing::FakeLogger logger;
  testing::FakeClock clock;
  testing::GuardFixture guards{clock, *metrics, logger};
  BackendGuard guard{"payment", guards.parts()};
};

TEST(BackendGuard, CountsCallsAndTheBackendsFailures) {
  PaymentGuard fixture;
  for (const absl::StatusCode code :
       {absl::StatusCode::kOk, absl::StatusCode::kNotFound, absl::StatusCode::kCancelled,
        absl::StatusCode::kUnavailable, absl::StatusCode::kDeadlineExceeded}) {
    fixture.guard.CountCall(absl::Status(code, ""));
  }
  const std::optional<BulkheadPermit> in_flight = fixture.guard.bulkhead().TryAcquire();
  EXPECT_EQ(fixture.guard.counts().calls, 5);
  EXPECT_EQ(fixture.guard.counts().failures, 2);
  EXPECT_EQ(fixture.guard.counts().in_flight, 1);
}

TEST(BackendGuard, ATimeoutOfItsOwnIsTheBackendsFailureHoweverShort) {
  PaymentGuard fixture;
  fixture.guards.config.attempt_timeout = std::chrono::milliseconds(200);
  const BackendGuard guard("order", fixture.guards.parts());
  const absl::Status late = absl::DeadlineExceededError("late");
  EXPECT_EQ(guard.OutcomeOf(late, std::chrono::milliseconds(200)), CallOutcome::kFailure);
  EXPECT_EQ(guard.OutcomeOf(late, std::chrono::milliseconds(199)), CallOutcome::kIgnored);
}

TEST(BackendGuard, ADeadlineShorterThanASlowCallSaysNothingAboutTheBackend) {
  PaymentGuard fixture;
  const Duration slow = fixture.guards.config.breaker.slow_call_duration;
  ASSERT_LT(slow, fixture.guards.config.attempt_timeout);
  const absl::Status late = absl::DeadlineExceededError("late");
  EXPECT_EQ(fixture.guard.OutcomeOf(late, slow), CallOutcome::kFailure);
  EXPECT_EQ(fixture.guard.OutcomeOf(late, slow - Duration(1)), CallOutcome::kIgnored);
}

TEST(BackendGuard, AnOpenCircuitIsAnOutageUntilAProbeMayPass) {
  PaymentGuard fixture;
  CircuitBreaker& breaker = fixture.guard.breaker();
  EXPECT_EQ(fixture.guard.FindOutage(), absl::OkStatus());
  EXPECT_EQ(breaker.Snapshot().ignored, 0) << "it was no call";
  for (int i = 0; i < fixture.guards.config.breaker.minimum_calls; ++i) {
    breaker.Acquire().permit->Finish(CallOutcome::kFailure);
  }
  const absl::Status outage = fixture.guard.FindOutage();
  EXPECT_EQ(ReasonOf(outage), "CIRCUIT_OPEN");
  EXPECT_EQ(MetadataOf(outage).at("backend"), "payment");
  EXPECT_EQ(MetadataOf(outage).at("state"), "OPEN");
  EXPECT_EQ(breaker.Snapshot().not_permitted, 1);
  fixture.clock.Advance(2 * fixture.guards.config.breaker.open_wait);
  EXPECT_EQ(fixture.guard.FindOutage(), absl::OkStatus());
  std::vector<CircuitDecision> probes;
  for (int i = 0; i < fixture.guards.config.breaker.half_open_permits; ++i) {
    EXPECT_EQ(fixture.guard.FindOutage(), absl::OkStatus());
    probes.push_back(breaker.Acquire());
    EXPECT_TRUE(probes.back().permit.has_value());
  }
  EXPECT_EQ(MetadataOf(fixture.guard.FindOutage()).at("state"), "HALF_OPEN");
}

TEST(BackendGuard, HidesTransportErrorsFromClients) {
  PaymentGuard fixture;
  const auto status_for = [&fixture](absl::StatusCode code) {
    const absl::Status raw(code, "connections to all backends failing; unix:/run/payment.sock");
    return fixture.guard.ToClientStatus(raw, false, fixture.clock.Now());
  };
  for (const absl::StatusCode code :
       {absl::StatusCode::kUnavailable, absl::StatusCode::kCancelled}) {
    const absl::Status down = status_for(code);
    EXPECT_EQ(down.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(down.message(), "The payment service is not reachable.");
    EXPECT_EQ(ReasonOf(down), "BACKEND_UNREACHABLE");
    EXPECT_EQ(MetadataOf(down).at("backend"), "payment");
  }
  const absl::Status late = status_for(absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(late.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(late.message(), "The payment service did not answer in time.");
  EXPECT_EQ(ReasonOf(late), "DEADLINE_EXCEEDED");
  EXPECT_EQ(MetadataOf(late).at("backend"), "payment");
  EXPECT_EQ(status_for(absl::StatusCode::kUnimplemented),
            absl::UnimplementedError("The payment service does not know this call."));
  // A message that is too large, say, which is no quota.
  for (const absl::StatusCode code :
       {absl::StatusCode::kResourceExhausted, absl::StatusCode::kInternal,
        absl::StatusCode::kUnknown, absl::StatusCode::kUnauthenticated}) {
    EXPECT_EQ(status_for(code), absl::InternalError("The call to the payment service failed."));
  }
}

TEST(BackendGuard, ReturnsTheStatusesThatOnlyTheServiceCanHaveSent) {
  PaymentGuard fixture;
  for (const absl::Status& said :
       {absl::OkStatus(), absl::NotFoundError("There is no payment 5."),
        absl::AbortedError("Another call is in progress."),
        CheckFields({{"/amount", "must be more than zero"}}),
        WithReason(absl::UnavailableError("The provider did not answer."), "PROVIDER_UNKNOWN"),
        WithReason(absl::ResourceExhaustedError("Too many."), "QUOTA")}) {
    EXPECT_EQ(fixture.guard.ToClientStatus(said, false, fixture.clock.Now()), said);
  }
  EXPECT_TRUE(fixture.logger.lines().empty());
}

TEST(BackendGuard, KnowsWhenItWasTheClientThatLeft) {
  PaymentGuard fixture;
  EXPECT_EQ(
      fixture.guard.ToClientStatus(absl::CancelledError("CANCELLED"), true, fixture.clock.Now()),
      absl::CancelledError("The client is gone."));
  EXPECT_TRUE(fixture.logger.lines().empty());
}

TEST(BackendGuard, LogsTheTransportsOwnWordsOnceASecond) {
  PaymentGuard fixture;
  const auto fail = [&fixture](absl::StatusCode code) {
    (void)fixture.guard.ToClientStatus(absl::Status(code, "connection refused"), false,
                                       fixture.clock.Now());
  };
  for (int i = 0; i < 10; ++i) fail(absl::StatusCode::kUnavailable);
  ASSERT_EQ(fixture.logger.CountOf("Call to backend failed"), 1U);
  const testing::LoggedLine first = fixture.logger.lines().at(0);
  EXPECT_EQ(first.level, LogLevel::kWarn);
  EXPECT_EQ(first.fields.at("backend"), "payment");
  EXPECT_EQ(first.fields.at("code"), "UNAVAILABLE");
  EXPECT_EQ(first.fields.at("error"), "connection refused");
  EXPECT_EQ(first.fields.at("heldBack"), "0");

  fixture.clock.Advance(std::chrono::seconds(1));
  fail(absl::StatusCode::kDeadlineExceeded);
  ASSERT_EQ(fixture.logger.CountOf("Call to backend failed"), 2U);
  EXPECT_EQ(fixture.logger.lines().at(1).fields.at("heldBack"), "9");
}

TEST(RpcMethod, ObservesDurationsByBackendMethodAndCode) {
  PaymentGuard fixture;
  RpcMethod method(fixture.guard, "GetPayment", Repeat::kSafe);
  method.ObserveCall(absl::StatusCode::kNotFound, std::chrono::milliseconds(1));
  EXPECT_EQ(
      fixture.metrics
          ->AddHistogram("rpc_client_call_duration_seconds", "", LatencyBounds(),
                         {{"backend", "payment"}, {"method", "GetPayment"}, {"code", "NOT_FOUND"}})
          .count(),
      1U);
}

}  // namespace
}  // namespace scaleout::gateway
