#include "gateway/handlers/circuit_breaker_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_backends.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using ::testing::HasSubstr;
using testing::RunningTask;
using testing::TestRequest;
using Answer = absl::StatusOr<Response>;

struct BreakersFixture {
  testing::RequestFixture request;
  testing::ThreeBackends backends;
  CircuitBreakerHandlers handlers{"gateway-1", backends.all};
};

TEST(CircuitBreakerHandlers, ListsTheBreakerOfEachBackend) {
  BreakersFixture fixture;
  fixture.backends.order.breaker().Disable();
  const TestRequest request;
  RunningTask<Answer> running(fixture.handlers.List(fixture.request.context, request));
  EXPECT_THAT(running.value()->body, ::testing::AllOf(HasSubstr(R"("user":{"state":"CLOSED")"),
                                                      HasSubstr(R"("order":{"state":"DISABLED")"),
                                                      HasSubstr(R"("payment":{"state":"CLOSED")")));
}

TEST(CircuitBreakerHandlers, KnowGuardsOfCallsApart) {
  BreakersFixture fixture;
  BackendGuard& guard =
      fixture.backends.all.AddGuard("credentials", fixture.backends.fixture.parts());
  BackendGuard& charges =
      fixture.backends.all.AddGuard("charges", fixture.backends.fixture.parts());
  TestRequest request;
  RunningTask<Answer> listed(fixture.handlers.List(fixture.request.context, request));
  EXPECT_THAT(listed.value()->body,
              ::testing::AllOf(HasSubstr(R"("credentials":{"state":"CLOSED")"),
                               HasSubstr(R"("charges":{"state":"CLOSED")")));
  request.Path("backend", "credentials");
  RunningTask<Answer> open(fixture.handlers.ForceOpen(fixture.request.context, request));
  EXPECT_THAT(open.value()->body, HasSubstr(R"("backend":"credentials")"));
  EXPECT_EQ(guard.breaker().state(), CircuitState::kForcedOpen);
  EXPECT_EQ(charges.breaker().state(), CircuitState::kClosed);
  EXPECT_EQ(fixture.backends.user.breaker().state(), CircuitState::kClosed);
}

TEST(CircuitBreakerHandlers, ControlsOneBackendAndSaysWhatBecameOfIt) {
  BreakersFixture fixture;
  TestRequest request;
  request.Path("backend", "payment");
  RunningTask<Answer> open(fixture.handlers.ForceOpen(fixture.request.context, request));
  EXPECT_THAT(open.value()->body,
              HasSubstr(R"("backend":"payment","circuitBreaker":{"state":"FORCED_OPEN")"));
  EXPECT_EQ(fixture.backends.user.breaker().state(), CircuitState::kClosed);
  RunningTask<Answer> disabled(fixture.handlers.Disable(fixture.request.context, request));
  EXPECT_EQ(fixture.backends.payment.breaker().state(), CircuitState::kDisabled);
  RunningTask<Answer> reset(fixture.handlers.Reset(fixture.request.context, request));
  EXPECT_EQ(fixture.backends.payment.breaker().state(), CircuitState::kClosed);
}

TEST(CircuitBreakerHandlers, KnowsNoOtherBackend) {
  BreakersFixture fixture;
  TestRequest request;
  request.Path("backend", "weather");
  RunningTask<Answer> running(fixture.handlers.Reset(fixture.request.context, request));
  EXPECT_EQ(running.value().status().code(), absl::StatusCode::kNotFound);
}

TEST(CircuitBreakerHandlers, RefusesQueryParameters) {
  BreakersFixture fixture;
  TestRequest request;
  request.Path("backend", "payment").Query("force", "1");
  RunningTask<Answer> list(fixture.handlers.List(fixture.request.context, request));
  EXPECT_EQ(list.value().status().code(), absl::StatusCode::kInvalidArgument);
  RunningTask<Answer> reset(fixture.handlers.Reset(fixture.request.context, request));
  EXPECT_EQ(reset.value().status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace scaleout::gateway
