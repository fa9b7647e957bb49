#include "gateway/handlers/health_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "gateway/http/problem.h"
#include "tests/support/fake_backends.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;
using testing::RunningTask;

class HealthHandlersTest : public ::testing::Test {
 protected:
  using Answer = absl::StatusOr<Response>;

  Answer Ask(Task<Answer> (HealthHandlers::*handler)(RequestContext&, const Request&)) {
    RunningTask<Answer> running((handlers_.*handler)(fixture_.context, request_));
    return running.value();
  }

  testing::RequestFixture fixture_;
  testing::TestRequest request_;
  bool loops_progress_ = true;
  Readiness readiness_{[this] { return loops_progress_; }};
  testing::ThreeBackends backends_;
  testing::FakeBackendHealth& user_ = backends_.user_health;
  testing::FakeBackendHealth& order_ = backends_.order_health;
  testing::FakeBackendHealth& payment_ = backends_.payment_health;
  HealthHandlers handlers_{"gateway-1", 1, readiness_, backends_.all, AuthMode::kOptional};
};

TEST_F(HealthHandlersTest, IsLiveWhileItsLoopsProgress) {
  EXPECT_EQ(Ask(&HealthHandlers::Live)->body, R"({"status":"live"})");
  loops_progress_ = false;
  EXPECT_EQ(HttpStatusOf(Ask(&HealthHandlers::Live).status()), 503);
}

TEST_F(HealthHandlersTest, IsReadyFromItsStartToItsDrain) {
  EXPECT_EQ(ReasonOf(Ask(&HealthHandlers::Ready).status()), "STARTING");
  readiness_.SetStarted();
  EXPECT_EQ(Ask(&HealthHandlers::Ready)->body, R"({"status":"ready"})");
  readiness_.SetDraining();
  EXPECT_EQ(ReasonOf(Ask(&HealthHandlers::Ready).status()), "DRAINING");
  EXPECT_EQ(HttpStatusOf(Ask(&HealthHandlers::Ready).status()), 503);
}

TEST_F(HealthHandlersTest, IsReadyAndLiveWhateverItsBackendsSay) {
  readiness_.SetStarted();
  user_.state = order_.state = payment_.state = ServingState::kUnreachable;
  EXPECT_TRUE(Ask(&HealthHandlers::Live).ok());
  EXPECT_TRUE(Ask(&HealthHandlers::Ready).ok());
}

TEST_F(HealthHandlersTest, IsOkWhenAllBackendsServe) {
  const Answer answer = Ask(&HealthHandlers::Health);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body,
            R"({"status":"ok","instanceId":"gateway-1","authMode":"optional","backends":{)"
            R"("user":{"status":"SERVING","latencyMs":1.5,"circuitBreaker":"CLOSED"},)"
            R"("order":{"status":"SERVING","latencyMs":1.5,"circuitBreaker":"CLOSED"},)"
            R"("payment":{"status":"SERVING","latencyMs":1.5,"circuitBreaker":"CLOSED"}}})");
  EXPECT_THAT(answer->headers, Contains(Pair("Cache-Control", "no-store")));
}

TEST_F(HealthHandlersTest, AsksTheBackendsOnceASecondHoweverManyAsk) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Ask(&HealthHandlers::Health).ok());
  EXPECT_EQ(user_.checks, 1);
  user_.state = ServingState::kUnreachable;
  fixture_.clock.Advance(kMaxSharedAge);
  EXPECT_THAT(Ask(&HealthHandlers::Health)->body, HasSubstr("\"status\":\"degraded\""));
  EXPECT_EQ(user_.checks, 2);
}

TEST_F(HealthHandlersTest, IsDegradedWhenABackendDoesNotServe) {
  order_.state = ServingState::kNotServing;
  payment_.state = ServingState::kUnreachable;
  const Answer answer = Ask(&HealthHandlers::Health);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body,
            R"({"status":"degraded","instanceId":"gateway-1","authMode":"optional","backends":{)"
            R"("user":{"status":"SERVING","latencyMs":1.5,"circuitBreaker":"CLOSED"},)"
            R"("order":{"status":"NOT_SERVING","latencyMs":1.5,"circuitBreaker":"CLOSED"},)"
            R"("payment":{"status":"UNREACHABLE","latencyMs":1.5,"circuitBreaker":"CLOSED"}}})");
}

}  // namespace
}  // namespace scaleout::gateway
