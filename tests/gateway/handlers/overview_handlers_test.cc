#include "gateway/handlers/overview_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

#include "common/status.h"
#include "gateway/http/problem.h"
#include "tests/support/fake_backends.h"
#include "tests/support/refused_fields.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using testing::RunningTask;
using testing::TestRequest;
using Answer = absl::StatusOr<Response>;

class OverviewHandlersTest : public ::testing::Test {
 protected:
  OverviewHandlersTest() {
    request_.Path("id", "7");
    user_.mutable_user()->set_id(7);
    user_.mutable_user()->set_name("Anna");
    orders_.add_orders()->set_id(9);
    orders_.set_next_page_token("more");
    payments_.add_payments()->set_id(5);
    users_backend_.get_user.Answers(user_);
    orders_backend_.list_orders.Answers(orders_);
    payments_backend_.list_payments.Answers(payments_);
  }

  Task<Answer> Ask() { return handlers_.Get(fixture_.context, request_); }
  Answer AskNow() {
    RunningTask<Answer> running(Ask());
    return running.value();
  }

  user::v1::GetUserResponse user_;
  order::v1::ListOrdersResponse orders_;
  payment::v1::ListPaymentsResponse payments_;
  testing::RequestFixture fixture_;
  TestRequest request_;
  testing::FakeUserBackend users_backend_;
  testing::FakeOrderBackend orders_backend_;
  testing::FakePaymentBackend payments_backend_;
  OverviewHandlers handlers_{users_backend_, orders_backend_, payments_backend_};
};

TEST_F(OverviewHandlersTest, PutsAUserAndTheirOrdersAndPaymentsTogether) {
  const Answer answer = AskNow();
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body,
            R"({"user":{"id":7,"email":"","name":"Anna","role":"customer",)"
            R"("createdAt":"1970-01-01T00:00:00Z",)"
            R"("updatedAt":"1970-01-01T00:00:00Z"},)"
            R"("orders":{"items":[{"id":9,"userId":0,"status":"UNSPECIFIED","items":[],)"
            R"("total":{"amount":0,"currency":""},"createdAt":"1970-01-01T00:00:00Z",)"
            R"("updatedAt":"1970-01-01T00:00:00Z"}],"nextPageToken":"more"},)"
            R"("payments":{"items":[{"id":5,"orderId":0,"userId":0,"status":"UNSPECIFIED",)"
            R"("amount":0,"currency":"","providerReference":null,"failureReason":null,)"
            R"("createdAt":"1970-01-01T00:00:00Z","updatedAt":"1970-01-01T00:00:00Z"}],)"
            R"("nextPageToken":""},"_meta":{"parts":{"user":{"status":"ok","latencyMs":0.0},)"
            R"("orders":{"status":"ok","latencyMs":0.0},)"
            R"("payments":{"status":"ok","latencyMs":0.0}}}})");
  EXPECT_THAT(answer->headers, Contains(Pair("X-Aggregate-Complete", "true")));
  EXPECT_THAT(answer->headers, Not(Contains(Key("Cache-Control"))));
  EXPECT_EQ(users_backend_.get_user.asked().at(0).user_id(), 7);
  EXPECT_EQ(orders_backend_.list_orders.asked().at(0).user_id(), 7);
  EXPECT_EQ(orders_backend_.list_orders.asked().at(0).page_size(), kOverviewItems);
  EXPECT_EQ(payments_backend_.list_payments.asked().at(0).user_id(), 7);
  EXPECT_EQ(payments_backend_.list_payments.asked().at(0).page_size(), kOverviewItems);
}

TEST_F(OverviewHandlersTest, AsksAllThreeBeforeAnyAnswersAndTimesEach) {
  users_backend_.get_user.Holds();
  orders_backend_.list_orders.Holds();
  payments_backend_.list_payments.Holds();
  RunningTask<Answer> running(Ask());
  EXPECT_EQ(users_backend_.get_user.asked().size(), 1U);
  EXPECT_EQ(orders_backend_.list_orders.asked().size(), 1U);
  EXPECT_EQ(payments_backend_.list_payments.asked().size(), 1U);

  fixture_.clock.Advance(std::chrono::milliseconds(10));
  payments_backend_.list_payments.Release(payments_);
  fixture_.loop.Run();
  fixture_.clock.Advance(std::chrono::milliseconds(10));
  users_backend_.get_user.Release(user_);
  fixture_.loop.Run();
  EXPECT_FALSE(running.done());
  fixture_.clock.Advance(std::chrono::milliseconds(10));
  orders_backend_.list_orders.Release(orders_);
  fixture_.loop.Run();
  ASSERT_TRUE(running.done());
  EXPECT_THAT(running.value()->body, HasSubstr(R"("user":{"status":"ok","latencyMs":20.0},)"
                                               R"("orders":{"status":"ok","latencyMs":30.0},)"
                                               R"("payments":{"status":"ok","latencyMs":10.0})"));
}

TEST_F(OverviewHandlersTest, SaysOfEachOptionalPartWhyItIsMissing) {
  orders_backend_.list_orders.Answers(absl::DeadlineExceededError("late"));
  payments_backend_.list_payments.Answers(absl::UnavailableError("down"));
  const Answer answer = AskNow();
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr(R"("orders":null,"payments":null,)"));
  EXPECT_THAT(answer->body, HasSubstr(R"("orders":{"status":"timeout",)"));
  EXPECT_THAT(answer->body, HasSubstr(R"("payments":{"status":"error",)"));
  EXPECT_THAT(answer->headers, Contains(Pair("X-Aggregate-Complete", "false")));
  EXPECT_THAT(answer->headers, Contains(Pair("Cache-Control", "no-store")));
}

TEST_F(OverviewHandlersTest, KnowsAnOpenCircuitFromAnError) {
  payments_backend_.list_payments.Answers(
      WithReason(absl::UnavailableError("The circuit is open."), "CIRCUIT_OPEN"));
  const Answer answer = AskNow();
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(answer->body, HasSubstr(R"("payments":{"status":"circuit_open",)"));
  EXPECT_THAT(answer->body, HasSubstr(R"("orders":{"status":"ok",)"));
}

TEST_F(OverviewHandlersTest, FailsAsTheUserFails) {
  users_backend_.get_user.Answers(absl::NotFoundError("There is no user 7."));
  EXPECT_EQ(AskNow().status(), absl::NotFoundError("There is no user 7."));
}

TEST_F(OverviewHandlersTest, NamesTheFieldThatTheServiceRefusesAsTheClientDoes) {
  users_backend_.get_user.Answers(CheckFields({{"user_id", "is wrong"}}));
  EXPECT_THAT(testing::RefusedFields(AskNow().status()), ::testing::ElementsAre("/id"));
}

TEST_F(OverviewHandlersTest, AsksNothingForABadRequest) {
  TestRequest bad;
  bad.Path("id", "0");
  RunningTask<Answer> running(handlers_.Get(fixture_.context, bad));
  EXPECT_EQ(HttpStatusOf(running.value().status()), 422);
  EXPECT_TRUE(users_backend_.get_user.asked().empty());
  EXPECT_TRUE(orders_backend_.list_orders.asked().empty());
}

TEST_F(OverviewHandlersTest, FailsAtOnceWithTheUserAndCancelsTheOtherParts) {
  users_backend_.get_user.Holds();
  orders_backend_.list_orders.Holds();
  payments_backend_.list_payments.Holds();
  RunningTask<Answer> running(Ask());
  users_backend_.get_user.Release(absl::NotFoundError("no such user"));
  fixture_.loop.Run();
  ASSERT_TRUE(running.done()) << "it waits for parts that are not needed";
  EXPECT_EQ(HttpStatusOf(running.value().status()), 404);
}

TEST_F(OverviewHandlersTest, EndsEveryPartWhenTheClientGoes) {
  users_backend_.get_user.Holds();
  orders_backend_.list_orders.Holds();
  payments_backend_.list_payments.Holds();
  RunningTask<Answer> running(Ask());
  fixture_.context.cancellation.Cancel();
  fixture_.loop.Run();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.value().status().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace scaleout::gateway
