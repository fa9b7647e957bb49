// When keys are sent and with whom: the policy, joined callers, bounds; what is said of them.
#include "gateway/backends/coalescer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "common/status.h"
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
  SendBatches(3);
  ASSERT_THAT(service_.open, SizeIs(3));
  Ask(10);
  EndTurn();
  Advance(config_.max_wait * 3 - microseconds(1));
  EXPECT_THAT(service_.open, SizeIs(3));
  Advance(microseconds(1));
  EXPECT_THAT(service_.open, SizeIs(4));
  AnswerAll();
}

TEST_F(CoalescerTest, SendsFirstThePageSizeWhoseKeyHasWaitedLongest) {
  Ask(1);
  EndTurn();
  Ask(2);
  EndTurn();
  Advance(config_.max_wait / 3);
  Ask(kIdsOfPageSize);
  EndTurn();
  Advance(config_.max_wait - config_.max_wait / 3);
  EXPECT_THAT(service_.asked, ElementsAre(Ids{1}, Ids{2}));
  Advance(config_.max_wait * 2);
  EXPECT_THAT(service_.asked, ElementsAre(Ids{1}, Ids{2}, Ids{kIdsOfPageSize}));
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

TEST_F(CoalescerTest, FillsNoThinBatchWhenOneOfManyReturns) {
  SendBatches(4);
  ASSERT_THAT(service_.asked, SizeIs(4));
  AskRange(10, 3);
  EndTurn();
  service_.Answer(*service_.open[0]);
  EndTurn();
  service_.Answer(*service_.open[0]);
  EndTurn();
  EXPECT_THAT(service_.asked, SizeIs(4)) << "three and two are left";
  // The wait is that of what is left in flight.
  Advance(config_.max_wait * 2 - microseconds(1));
  EXPECT_THAT(service_.asked, SizeIs(4));
  Advance(microseconds(1));
  ASSERT_THAT(service_.asked, SizeIs(5));
  EXPECT_THAT(service_.asked[4], ElementsAre(10, 11, 12));
  AnswerAll();
}

TEST_F(CoalescerTest, SendsWhatWaitsWhenOneOfTwoBatchesReturns) {
  Ask(1);
  EndTurn();
  Ask(2);
  Advance(config_.max_wait);
  ASSERT_THAT(service_.open, SizeIs(2));
  AskRange(10, 3);
  EndTurn();
  service_.Answer(*service_.open[0]);
  EndTurn();
  ASSERT_THAT(service_.asked, SizeIs(3));
  EXPECT_THAT(service_.asked[2], ElementsAre(10, 11, 12));
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
