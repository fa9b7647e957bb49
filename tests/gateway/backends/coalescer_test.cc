// When keys are sent and with whom: the policy, joined callers, bounds, deadlines, callers who
// leave.
#include "gateway/backends/coalescer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "common/status.h"
#include "gateway/runtime/loop_lag_monitor.h"
#include "tests/gateway/backends/coalescer_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Ids = std::vector<std::int64_t>;

TEST_F(CoalescerTest, SendsNothingBeforeTheEndOfTheTurn) {
  Ask(1);
  EXPECT_THAT(service_.asked, IsEmpty());
  EndTurn();
  EXPECT_THAT(service_.asked, ElementsAre(Ids{1}));
}

TEST_F(CoalescerTest, SendsAKeyThatIsAloneAsTheMethodsOwnCall) {
  Client& client = Ask(7);
  EndTurn();
  ASSERT_THAT(service_.open, SizeIs(1));
  EXPECT_FALSE(service_.open[0]->is_batch);
  AnswerAll();
  ExpectAnswer(client);
}

TEST_F(CoalescerTest, SendsTheKeysOfATurnInOneBatch) {
  AskRange(1, 5);
  EndTurn();
  EXPECT_THAT(service_.asked, ElementsAre(Ids{1, 2, 3, 4, 5}));
  EXPECT_TRUE(service_.open[0]->is_batch);
  AnswerAll();
  for (Client& client : clients_) ExpectAnswer(client);
}

TEST_F(CoalescerTest, JoinsCallersOfOneKeyBeforeItIsSent) {
  Ask(1);
  Ask(2);
  Ask(1);
  Ask(1);
  EndTurn();
  EXPECT_THAT(service_.asked, ElementsAre(Ids{1, 2}));
  AnswerAll();
  for (Client& client : clients_) ExpectAnswer(client);
  EXPECT_EQ(counts().joined, 2);
  EXPECT_EQ(counts().keys, 2);
}

// A read that begins after a write was answered must not get what was read before it.
TEST_F(CoalescerTest, DoesNotJoinAKeyThatIsOnItsWay) {
  Ask(1);
  EndTurn();
  Ask(1);
  Advance(config_.max_wait);
  EXPECT_THAT(service_.asked, ElementsAre(Ids{1}, Ids{1}));
  EXPECT_EQ(counts().joined, 0);
  AnswerAll();
}

TEST_F(CoalescerTest, HoldsKeysBackWhileABatchIsInFlight) {
  Ask(1);
  EndTurn();
  AskRange(10, 3);
  EndTurn();
  EXPECT_THAT(service_.asked, SizeIs(1));
  Advance(config_.max_wait - microseconds(1));
  EXPECT_THAT(service_.asked, SizeIs(1));
  Advance(microseconds(1));
  EXPECT_THAT(service_.asked, ElementsAre(Ids{1}, Ids{10, 11, 12}));
  AnswerAll();
}

TEST_F(CoalescerTest, HoldsKeysBackForLongerTheMoreBatchesAreInFlight) {
  for (int in_flight = 0; in_flight < 3; ++in_flight) {
    Ask(in_flight + 1);
    EndTurn();
    Advance(config_.max_wait * in_flight);
  }
  ASSERT_THAT(service_.open, SizeIs(3));
  Ask(10);
  EndTurn();
  Advance(config_.max_wait * 3 - microseconds(1));
  EXPECT_THAT(service_.open, SizeIs(3));
  Advance(microseconds(1));
  EXPECT_THAT(service_.open, SizeIs(4));
  AnswerAll();
}

TEST_F(CoalescerTest, SendsEagerKeysBesideABatchInFlight) {
  Ask(1);
  EndTurn();
  AskRange(100, static_cast<int>(config_.eager_keys) - 1);
  EndTurn();
  EXPECT_THAT(service_.asked, SizeIs(1));
  Ask(200);
  EndTurn();
  ASSERT_THAT(service_.asked, SizeIs(2));
  EXPECT_THAT(service_.asked[1], SizeIs(config_.eager_keys));
  AnswerAll();
}

TEST_F(CoalescerTest, SendsWhatWaitsWhenABatchReturnsBeforeItsAnswersAreDelivered) {
  RequestContext context(loop_, clock_);
  context.deadline = clock_.Now() + seconds(3);
  user::v1::GetUserRequest request;
  request.set_user_id(1);
  std::size_t asked_by_then = 0;
  [](Task<Answer> reading, const HeldUserService& service, std::size_t& asked) -> DetachedTask {
    const Answer answer = co_await reading;
    EXPECT_TRUE(answer.ok());
    asked = service.asked.size();
  }(Verb()(context, request), service_, asked_by_then);
  EndTurn();
  Ask(2);
  EndTurn();
  ASSERT_THAT(service_.asked, SizeIs(1));
  service_.Answer(*service_.open[0]);
  EndTurn();
  EXPECT_EQ(asked_by_then, 2U);
  AnswerAll();
}

TEST_F(CoalescerTest, PutsNoMoreThanTheMostKeysIntoABatch) {
  AskRange(1, 64 + 64 + 2);
  EndTurn();
  // 66 wait beside the first batch, which is eager; the last two are not.
  ASSERT_THAT(service_.asked, SizeIs(2));
  EXPECT_THAT(service_.asked[0], SizeIs(64));
  EXPECT_THAT(service_.asked[1], SizeIs(64));
  AnswerAll();
  for (Client& client : clients_) ExpectAnswer(client);
}

TEST_F(CoalescerTest, KeepsNoMoreThanTheMostBatchesInFlight) {
  config_.max_in_flight = 3;
  AskRange(1, 5 * 64);
  EndTurn();
  Advance(milliseconds(5));
  EXPECT_THAT(service_.open, SizeIs(3));
  EXPECT_EQ(counts().in_flight, 3);
  service_.Answer(*service_.open[1]);
  EndTurn();
  EXPECT_THAT(service_.asked, SizeIs(4));
  AnswerAll();
  for (Client& client : clients_) ExpectAnswer(client);
  EXPECT_EQ(counts().in_flight, 0);
}

TEST_F(CoalescerTest, RefusesReadersForWhomThereIsNoRoom) {
  config_.max_waiting = 3;
  config_.max_in_flight = 1;
  Ask(1);
  EndTurn();
  Ask(2);
  Client& joined = Ask(2);
  Client& refused = Ask(2);
  ASSERT_TRUE(refused.done()) << "those in flight and those who joined count too";
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(refused.answer().status()), "TOO_MANY_READS");
  EXPECT_EQ(MetadataOf(refused.answer().status()).at("maxWaiting"), "3");
  AnswerAll();
  ExpectAnswer(joined);
  Client& later = Ask(4);
  EndTurn();
  AnswerAll();
  ExpectAnswer(later);
  EXPECT_EQ(Timed("GetUser", "UNAVAILABLE"), 0U) << "it was never sent";
}

TEST_F(CoalescerTest, EndsACallerAtItsOwnDeadlineAndNoOther) {
  Client& hasty = Ask(1, milliseconds(100));
  Client& patient = Ask(2, seconds(3));
  EndTurn();
  EXPECT_EQ(service_.open[0]->context().deadline, patient.context.deadline);
  Advance(milliseconds(100));
  Advance(kLagTick);
  ASSERT_TRUE(hasty.done());
  EXPECT_EQ(hasty.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(hasty.answer().status().message()), HasSubstr("did not answer in time"));
  EXPECT_FALSE(patient.done());
  AnswerAll();
  ExpectAnswer(patient);
  EXPECT_EQ(Timed("GetUser", "DEADLINE_EXCEEDED"), 1U);
  EXPECT_EQ(Timed("GetUser", "OK"), 1U);
}

// Of a loop that was blocked: the tick comes first, then what was posted meanwhile.
TEST_F(CoalescerTest, PrefersAnAnswerThatArrivedBeforeTheDeadlineWasSeen) {
  Client& client = Ask(1, milliseconds(100));
  Ask(2);
  EndTurn();
  clock_.Advance(milliseconds(100));
  loop_.RunDueTimers();
  ASSERT_FALSE(client.done());
  service_.Answer(*service_.open[0]);
  EndTurn();
  ExpectAnswer(client);
}

TEST_F(CoalescerTest, EndsACallerWhoseDeadlineComesWhileItWaits) {
  config_.max_in_flight = 1;
  Ask(1);
  EndTurn();
  Client& late = Ask(2, milliseconds(50));
  Client& joined = Ask(2, seconds(1));
  EndTurn();
  Advance(milliseconds(50));
  ASSERT_TRUE(late.done());
  EXPECT_EQ(late.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(late.answer().status().message()), HasSubstr("No time was left"));
  EXPECT_FALSE(joined.done());
  AnswerAll();
  ExpectAnswer(joined);
}

// A busy loop comes to its timers late.
TEST_F(CoalescerTest, DoesNotSendForACallerWhoseDeadlineHasPassed) {
  Ask(1, milliseconds(5));
  Client& other = Ask(2);
  clock_.Advance(milliseconds(6));
  EndTurn();
  EXPECT_EQ(clients_.front().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(service_.asked, ElementsAre(Ids{2}));
  AnswerAll();
  ExpectAnswer(other);
}

TEST_F(CoalescerTest, RefusesACallerWithoutTimeAtOnce) {
  Client& client = Ask(1, Duration::zero());
  ASSERT_TRUE(client.done());
  EXPECT_EQ(client.code(), absl::StatusCode::kDeadlineExceeded);
  EndTurn();
  EXPECT_THAT(service_.asked, IsEmpty());
}

TEST_F(CoalescerTest, ForgetsAKeyWhoseOnlyCallerLeavesBeforeItIsSent) {
  Client& gone = Ask(1);
  Client& other = Ask(2);
  gone.context.cancellation.Cancel();
  EndTurn();
  ASSERT_TRUE(gone.done());
  EXPECT_EQ(gone.code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(service_.asked, ElementsAre(Ids{2}));
  AnswerAll();
  ExpectAnswer(other);
}

TEST_F(CoalescerTest, LetsACallerLeaveABatchAlone) {
  Client& gone = Ask(1);
  Client& other = Ask(2);
  EndTurn();
  gone.context.cancellation.Cancel();
  EndTurn();
  ASSERT_TRUE(gone.done());
  EXPECT_EQ(gone.code(), absl::StatusCode::kCancelled);
  ASSERT_THAT(service_.open, SizeIs(1)) << "the batch goes on";
  AnswerAll();
  ExpectAnswer(other);
}

TEST_F(CoalescerTest, CancelsABatchWhenItsLastCallerLeaves) {
  AskRange(1, 3);
  EndTurn();
  ASSERT_THAT(service_.open, SizeIs(1));
  for (Client& client : clients_) client.context.cancellation.Cancel();
  EXPECT_TRUE(service_.open[0]->context().cancellation.cancelled());
  EXPECT_FALSE(clients_.back().done()) << "the last one stays until the call has ended";
  EndTurn();
  for (Client& client : clients_) {
    ASSERT_TRUE(client.done());
    EXPECT_EQ(client.code(), absl::StatusCode::kCancelled);
  }
  EXPECT_EQ(counts().in_flight, 0);
}

// The breaker ignores calls that this side cancels; a service that hangs must count.
TEST_F(CoalescerTest, LetsACallEndByItselfAtItsDeadline) {
  Client& client = Ask(1, milliseconds(100));
  EndTurn();
  Advance(milliseconds(100));
  ASSERT_TRUE(client.done());
  EXPECT_EQ(client.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(service_.cancelled, 0);
}

TEST_F(CoalescerTest, CancelsACallThatWouldOutlastItsLastCaller) {
  Ask(1, milliseconds(100));
  Client& gone = Ask(2, seconds(3));
  EndTurn();
  gone.context.cancellation.Cancel();
  EndTurn();
  Advance(milliseconds(100));
  Advance(kLagTick);
  ASSERT_TRUE(clients_.front().done()) << "not only after 3 s";
  EXPECT_EQ(clients_.front().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(service_.cancelled, 1);
}

TEST_F(CoalescerTest, DoesNotAskAgainForCallersWhoHaveLeft) {
  AskRange(1, 2);
  EndTurn();
  HeldUserService::Fail(*service_.open[0], absl::InternalError("on its way to the loop"));
  for (Client& client : clients_) client.context.cancellation.Cancel();
  EndTurn();
  EXPECT_THAT(service_.asked, SizeIs(1));
  for (Client& client : clients_) {
    ASSERT_TRUE(client.done());
    EXPECT_EQ(client.code(), absl::StatusCode::kCancelled);
  }
}

TEST_F(CoalescerTest, SaysForHowManyRequestsACallIsMade) {
  AskRange(1, 3);
  Ask(2);
  EndTurn();
  ASSERT_THAT(service_.open, SizeIs(1));
  EXPECT_EQ(service_.open[0]->context().shared->requests, 4);
  EXPECT_TRUE(service_.open[0]->context().shared->divisible);
  AnswerAll();
  Ask(1);
  Ask(1);
  EndTurn();
  EXPECT_EQ(service_.open[0]->context().shared->requests, 2);
  EXPECT_FALSE(service_.open[0]->context().shared->divisible);
  AnswerAll();
}

TEST_F(CoalescerTest, SendsTheFirstCallersIdsAndLogsThoseOfAll) {
  AskRange(1, 2);
  Ask(1);
  clients_.front().context.traceparent = "00-trace-of-the-first-01";
  EndTurn();
  EXPECT_EQ(service_.open[0]->context().request_id, clients_.front().context.request_id);
  EXPECT_EQ(service_.open[0]->context().traceparent, "00-trace-of-the-first-01");
  const auto line = logger_.Find("reads share a call");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->level, LogLevel::kDebug);
  EXPECT_EQ(line->fields.at("requestIds"), "request-1-0,request-1-2,request-2-1");
  EXPECT_EQ(line->fields.at("method"), "GetUser");
  AnswerAll();
}

TEST_F(CoalescerTest, TimesEachReadUnderTheMethodsName) {
  service_.missing.insert(3);
  AskRange(1, 3);
  Ask(1);
  EndTurn();
  AnswerAll();
  EXPECT_EQ(Timed("GetUser", "OK"), 3U);
  EXPECT_EQ(Timed("GetUser", "NOT_FOUND"), 1U);
}

TEST_F(CoalescerTest, ResumesACallerOnItsRoutesAccount) {
  const RouteDescription route{"/api/users/{id}"};
  const RouteDescription* seen = nullptr;
  RequestContext context(loop_, clock_);
  context.deadline = clock_.Now() + seconds(3);
  context.route = &route;
  user::v1::GetUserRequest request;
  request.set_user_id(1);
  [](Task<Answer> reading, testing::ManualExecutor& loop,
     const RouteDescription*& seen_in) -> DetachedTask {
    const Answer answer = co_await reading;
    EXPECT_TRUE(answer.ok());
    seen_in = loop.route();
  }(Verb()(context, request), loop_, seen);
  EndTurn();
  AnswerAll();
  EXPECT_EQ(seen, &route);
  EXPECT_EQ(loop_.route(), nullptr);
}

TEST_F(CoalescerTest, LeavesWhatIsNotCoalescedToThePlainVerb) {
  Ask(0);
  ASSERT_THAT(service_.asked, ElementsAre(Ids{0})) << "at once";
  AnswerAll();
  EXPECT_EQ(counts().batches, 0);
}

TEST_F(CoalescerTest, CountsBatchesKeysAndWaits) {
  AskRange(1, 4);
  EndTurn();
  Ask(5);
  EndTurn();
  Advance(config_.max_wait);
  AnswerAll();
  EXPECT_EQ(counts().batches, 2);
  EXPECT_EQ(counts().keys, 5);
  EXPECT_GT(counts().wait_seconds_mean, 0.00005);
  EXPECT_THAT(
      metrics_->RenderPrometheus(),
      HasSubstr("gateway_coalescer_batch_keys_count{backend=\"user\",method=\"GetUser\"} 2"));
}

}  // namespace
}  // namespace scaleout::gateway
