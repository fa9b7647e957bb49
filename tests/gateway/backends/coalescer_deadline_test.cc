// Callers whose deadline comes, and callers who leave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "gateway/runtime/loop_lag_monitor.h"
#include "tests/gateway/backends/coalescer_fixture.h"
#include "tests/support/function_jobs.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Ids = std::vector<std::int64_t>;

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

TEST_F(CoalescerTest, DoesNotSendForACallerWhoseDeadlineIsNow) {
  config_.max_in_flight = 1;
  Ask(1);
  EndTurn();
  Client& late = Ask(2, milliseconds(50));
  Ask(3);
  EndTurn();
  service_.Answer(*service_.open[0]);
  clock_.Advance(milliseconds(50));
  EndTurn();
  EXPECT_EQ(late.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(service_.asked, ElementsAre(Ids{1}, Ids{3}));
  AnswerAll();
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

TEST_F(CoalescerTest, SendsWhatWaitsBeforeAJobHoldsTheLoop) {
  config_.max_in_flight = 1;
  Ask(1);
  EndTurn();
  Client& waits = Ask(2, seconds(2));
  EndTurn();
  ASSERT_THAT(service_.asked, SizeIs(1));
  testing::FunctionJob burn([this] {
    EXPECT_THAT(service_.asked, ElementsAre(Ids{1}, Ids{2}));
    for (HeldUserService::Call* const call : std::vector(service_.open)) service_.Answer(*call);
    clock_.Advance(seconds(3));
    loop_.RunDueTimers();
  });
  loop_.Hold(burn);
  EndTurn();
  ExpectAnswer(waits);
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

TEST_F(CoalescerTest, DoesNotCancelACallWhoseDeadlineHasComeForAClientThatLeaves) {
  Client& client = Ask(1, milliseconds(100));
  EndTurn();
  clock_.Advance(milliseconds(100));
  client.context.cancellation.Cancel();
  EndTurn();
  ASSERT_TRUE(client.done());
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

}  // namespace
}  // namespace scaleout::gateway
