#include "gateway/handlers/fault_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/status.h"
#include "tests/support/fake_backends.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::RunningTask;
using testing::TestRequest;
using ::testing::UnorderedElementsAre;
using Answer = absl::StatusOr<Response>;

constexpr const char* kNone =
    R"({"latencyMs":0,"jitterMs":0,"errorPercent":0,"errorStatus":"UNAVAILABLE","abortPercent":0})";

struct FaultsFixture {
  Answer Set(std::string body) {
    TestRequest request;
    request.Json(std::move(body));
    RunningTask<Answer> running(handlers.Set(fixture.context, request));
    return running.value();
  }
  Answer Clear(const TestRequest& request = {}) {
    RunningTask<Answer> running(handlers.Clear(fixture.context, request));
    return running.value();
  }
  // The fields that a body is refused for.
  std::vector<std::string> RefusedFields(std::string body) {
    std::vector<std::string> fields;
    for (const FieldViolation& violation : FieldViolationsOf(Set(std::move(body)).status())) {
      fields.push_back(violation.field);
    }
    return fields;
  }

  testing::RequestFixture fixture;
  testing::ThreeBackends backends;
  FaultHandlers handlers{"gateway-1", backends.all};
};

TEST(FaultHandlers, ListTheFaultsOfEachBackend) {
  FaultsFixture fixture;
  fixture.backends.order.SetFaults({.latency = 200ms,
                                    .jitter = 50ms,
                                    .error_percent = 10,
                                    .error = absl::StatusCode::kInternal,
                                    .abort_percent = 5});
  const TestRequest request;
  RunningTask<Answer> listed(fixture.handlers.List(fixture.fixture.context, request));
  EXPECT_EQ(listed.value()->body,
            std::string(R"({"instanceId":"gateway-1","backends":{"user":)") + kNone +
                R"(,"order":{"latencyMs":200,"jitterMs":50,"errorPercent":10,)" +
                R"("errorStatus":"INTERNAL","abortPercent":5},"payment":)" + kNone + "}}");
}

TEST(FaultHandlers, SetThoseOfOneBackendAndAnswerAll) {
  FaultsFixture fixture;
  const Answer answer =
      fixture.Set(R"({"backend":"payment","latencyMs":300,"jitterMs":20,"errorPercent":40,)"
                  R"("errorStatus":"UNKNOWN","abortPercent":60})");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(answer->body,
              AllOf(HasSubstr(R"("instanceId":"gateway-1")"),
                    HasSubstr(R"("payment":{"latencyMs":300,"jitterMs":20,"errorPercent":40,)"),
                    HasSubstr(std::string(R"("user":)") + kNone)));
  EXPECT_EQ(fixture.backends.payment.faults().rates(),
            (FaultRates{300ms, 20ms, 40, absl::StatusCode::kUnknown, 60}));
  EXPECT_FALSE(fixture.backends.user.faults().on());
}

TEST(FaultHandlers, TakeWhatABodyLeavesOutForNone) {
  FaultsFixture fixture;
  ASSERT_TRUE(fixture.Set(R"({"backend":"user","latencyMs":10,"errorPercent":100})").ok());
  ASSERT_TRUE(fixture.Set(R"({"backend":"user","abortPercent":1})").ok());
  EXPECT_EQ(fixture.backends.user.faults().rates(), FaultRates{.abort_percent = 1});
}

TEST(FaultHandlers, NameEveryFieldThatTheyRefuse) {
  FaultsFixture fixture;
  EXPECT_THAT(fixture.RefusedFields(R"({"backend":"weather","latencyMs":10001,"jitterMs":-1,)"
                                    R"("errorPercent":101,"errorStatus":"OK","abortPercent":1.5,)"
                                    R"("color":"red"})"),
              UnorderedElementsAre("/backend", "/latencyMs", "/jitterMs", "/errorPercent",
                                   "/errorStatus", "/abortPercent", "/color"));
  EXPECT_THAT(fixture.RefusedFields("{}"), UnorderedElementsAre("/backend"));
  EXPECT_THAT(fixture.RefusedFields(R"({"backend":""})"), UnorderedElementsAre("/backend"));
  EXPECT_THAT(fixture.RefusedFields(R"({"backend":"user","errorPercent":60,"abortPercent":41})"),
              UnorderedElementsAre("/abortPercent"));
  for (BackendGuard* const guard : fixture.backends.all.guards()) {
    EXPECT_FALSE(guard->faults().on());
  }
}

TEST(FaultHandlers, TakeBackAllOrThoseOfOneBackend) {
  FaultsFixture fixture;
  for (BackendGuard* const guard : fixture.backends.all.guards()) {
    guard->SetFaults({.latency = 10ms});
  }
  TestRequest request;
  request.Query("backend", "order");
  ASSERT_TRUE(fixture.Clear(request).ok());
  EXPECT_TRUE(fixture.backends.user.faults().on());
  EXPECT_FALSE(fixture.backends.order.faults().on());
  const Answer answer = fixture.Clear();
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(answer->body, HasSubstr(std::string(R"("payment":)") + kNone));
  for (BackendGuard* const guard : fixture.backends.all.guards()) {
    EXPECT_FALSE(guard->faults().on());
  }
}

TEST(FaultHandlers, TakeBackNothingForABackendThatThereIsNot) {
  FaultsFixture fixture;
  fixture.backends.user.SetFaults({.latency = 10ms});
  TestRequest request;
  request.Query("backend", "weather");
  const absl::Status refused = fixture.Clear(request).status();
  EXPECT_EQ(FieldViolationsOf(refused).at(0).field, "/backend");
  EXPECT_TRUE(fixture.backends.user.faults().on());
}

TEST(FaultHandlers, RefuseOtherParameters) {
  FaultsFixture fixture;
  TestRequest request;
  request.Query("force", "1");
  request.Json(R"({"backend":"user","latencyMs":1})");
  RunningTask<Answer> listed(fixture.handlers.List(fixture.fixture.context, request));
  EXPECT_EQ(listed.value().status().code(), absl::StatusCode::kInvalidArgument);
  RunningTask<Answer> set(fixture.handlers.Set(fixture.fixture.context, request));
  EXPECT_EQ(set.value().status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(fixture.Clear(request).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(fixture.backends.user.faults().on());
}

}  // namespace
}  // namespace scaleout::gateway
