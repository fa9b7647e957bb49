// What callers get of a batch that fails, as a whole or in one entry.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "common/status.h"
#include "gateway/resilience/rejection.h"
#include "tests/gateway/backends/coalescer_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Ids = std::vector<std::int64_t>;

constexpr auto kMaxApart = static_cast<std::int64_t>(kMaxKeysApart);

TEST_F(CoalescerTest, GivesAnEntrysErrorToItsOwnCallers) {
  service_.missing.insert(2);
  AskRange(1, 3);
  EndTurn();
  AnswerAll();
  auto client = clients_.begin();
  ExpectAnswer(*client++);
  EXPECT_EQ(client->answer().status(), absl::NotFoundError("there is no user 2"));
  ExpectAnswer(*++client);
}

TEST_F(CoalescerTest, GivesTheFailureOfABatchToAllOfIt) {
  for (const absl::StatusCode code :
       {absl::StatusCode::kUnavailable, absl::StatusCode::kDeadlineExceeded,
        absl::StatusCode::kResourceExhausted}) {
    service_.asked.clear();
    AskRange(1, 3);
    EndTurn();
    HeldUserService::Fail(*service_.open[0], absl::Status(code, "not now"));
    EndTurn();
    EXPECT_THAT(service_.asked, SizeIs(1)) << code;
    for (Client& client : clients_) {
      ASSERT_TRUE(client.done());
      EXPECT_EQ(client.answer().status(), absl::Status(code, "not now"));
    }
    clients_.clear();
  }
}

TEST_F(CoalescerTest, AsksAgainInHalvesSoThatAPoisonousKeyFailsAlone) {
  service_.poisonous.insert(23);
  AskRange(1, 64);
  EndTurn();
  AnswerAll();
  for (Client& client : clients_) {
    if (client.id == 23) {
      EXPECT_EQ(client.answer().status(), absl::InternalError("the service failed"));
    } else {
      ExpectAnswer(client);
    }
  }
  EXPECT_EQ(counts().splits, 6) << "log2(64)";
  EXPECT_THAT(service_.asked, SizeIs(1 + 6 * 2));
}

TEST_F(CoalescerTest, SendsAKeyAloneForAWhileAfterItMadeItsBatchFail) {
  service_.poisonous.insert(2);
  AskRange(1, 4);
  EndTurn();
  AnswerAll();
  clients_.clear();
  service_.asked.clear();

  AskRange(1, 4);
  EndTurn();
  EXPECT_THAT(service_.asked, ElementsAre(Ids{2}, Ids{1, 3, 4}));
  AnswerAll();
  EXPECT_THAT(service_.asked, SizeIs(2)) << "nothing was asked again";
  clients_.clear();
  service_.asked.clear();

  Advance(kApartTime);
  AskRange(1, 4);
  EndTurn();
  EXPECT_THAT(service_.asked, ElementsAre(Ids{1, 2, 3, 4}));
  AnswerAll();
}

TEST_F(CoalescerTest, SendsAKeyWithOthersAgainOnceItHasBeenRead) {
  service_.poisonous.insert(2);
  AskRange(1, 2);
  EndTurn();
  AnswerAll();
  service_.poisonous.clear();
  Ask(2);
  EndTurn();
  AnswerAll();
  service_.asked.clear();
  AskRange(1, 3);
  EndTurn();
  EXPECT_THAT(service_.asked, ElementsAre(Ids{1, 2, 3}));
  AnswerAll();
}

// Otherwise a hundred poisonous keys could take every place in flight.
TEST_F(CoalescerTest, KeysThatAreKeptApartDoNotHoldUpTheOthers) {
  config_.max_in_flight = 1;
  service_.poisonous = {1, 2};
  AskRange(1, 2);
  EndTurn();
  AnswerAll();
  AskRange(1, 2);
  EndTurn();
  EXPECT_THAT(service_.open, SizeIs(2));
  Client& other = Ask(3);
  EndTurn();
  EXPECT_THAT(service_.open, SizeIs(3));
  service_.Answer(*service_.open[2]);
  EndTurn();
  ExpectAnswer(other);
  AnswerAll();
}

TEST_F(CoalescerTest, RemembersABoundedNumberOfKeysThatAreKeptApart) {
  FailPairs(1, kMaxApart + 2);
  service_.asked.clear();
  AskRange(kMaxApart - 1, 4);
  EndTurn();
  EXPECT_THAT(service_.asked, ElementsAre(Ids{63}, Ids{64}, Ids{65, 66}));
  AnswerAll();
}

TEST_F(CoalescerTest, MakesRoomForOthersWhenKeysHaveBeenKeptApartForLongEnough) {
  FailPairs(1, kMaxApart);
  Advance(kApartTime);
  FailPairs(kMaxApart + 1, kMaxApart + 2);
  service_.asked.clear();
  AskRange(kMaxApart + 1, 4);
  EndTurn();
  EXPECT_THAT(service_.asked, ElementsAre(Ids{65}, Ids{66}, Ids{67, 68}));
  AnswerAll();
}

TEST_F(CoalescerTest, DoesNotKeepAKeyApartThatFailedNoBatch) {
  Ask(1);
  EndTurn();
  HeldUserService::Fail(*service_.open[0], absl::InternalError("the service failed"));
  EndTurn();
  AskRange(1, 2);
  EndTurn();
  EXPECT_THAT(service_.asked, ElementsAre(Ids{1}, Ids{1, 2}));
  AnswerAll();
}

TEST_F(CoalescerTest, DoesNotSplitWithoutRetryBudget) {
  while (backend_.guard.retry_budget().TryWithdraw()) {
  }
  service_.poisonous.insert(2);
  AskRange(1, 3);
  EndTurn();
  AnswerAll();
  EXPECT_THAT(service_.asked, SizeIs(1));
  for (Client& client : clients_) {
    EXPECT_EQ(client.answer().status(), absl::InternalError("the service failed"));
  }
  EXPECT_EQ(counts().splits, 0);
}

TEST_F(CoalescerTest, AsksAloneForWhatDoesNotFitIntoABatch) {
  service_.too_large = {1, 3, 4};
  AskRange(1, 4);
  EndTurn();
  AnswerAll();
  EXPECT_THAT(service_.asked, ElementsAre(Ids{1, 2, 3, 4}, Ids{1}, Ids{3}, Ids{4}));
  for (Client& client : clients_) ExpectAnswer(client);
}

TEST_F(CoalescerTest, AsksForEachKeyAloneWhereTheServiceHasNoBatches) {
  AskRange(1, 3);
  EndTurn();
  HeldUserService::Fail(*service_.open[0], absl::UnimplementedError("unknown method"));
  EndTurn();
  EXPECT_THAT(service_.asked, ElementsAre(Ids{1, 2, 3}, Ids{1}, Ids{2}, Ids{3}));
  AnswerAll();
  for (Client& client : clients_) ExpectAnswer(client);
}

TEST_F(CoalescerTest, TreatsAnAnswerOfAnotherLengthAsAFailure) {
  service_.forgets_an_entry = true;
  AskRange(1, 2);
  EndTurn();
  AnswerAll();
  for (Client& client : clients_) EXPECT_EQ(client.code(), absl::StatusCode::kInternal);
}

TEST_F(CoalescerTest, DoesNotShowAClientTheFieldsOfABatch) {
  while (backend_.guard.retry_budget().TryWithdraw()) {
  }
  AskRange(1, 2);
  EndTurn();
  HeldUserService::Fail(*service_.open[0], CheckFields({{"keys[1].user_id", "is no id"}}));
  EndTurn();
  for (Client& client : clients_) {
    EXPECT_EQ(client.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(FieldViolationsOf(client.answer().status()), IsEmpty());
  }
}

// A client that reads it and leaves, or a refusal, says nothing about the key.
TEST_F(CoalescerTest, KeepsAKeyApartUntilTheServiceHasAnsweredForIt) {
  for (const absl::Status& no_answer :
       {BulkheadFull("user", 256), absl::CancelledError("gone"),
        absl::DeadlineExceededError("late"), absl::UnavailableError("down")}) {
    service_.poisonous = {2};
    AskRange(1, 3);
    EndTurn();
    AnswerAll();
    Ask(2);
    EndTurn();
    HeldUserService::Fail(*service_.open[0], no_answer);
    EndTurn();
    service_.asked.clear();
    AskRange(1, 3);
    EndTurn();
    EXPECT_THAT(service_.asked, ElementsAre(Ids{2}, Ids{1, 3})) << no_answer;
    AnswerAll();
    Advance(kApartTime);
  }
}

TEST_F(CoalescerTest, KeepsAKeyThatGoesOnFailingApartThoughTheListIsFull) {
  FailPairs(1, kMaxApart);
  service_.poisonous = {1};
  Advance(kApartTime - seconds(1));
  Ask(1);
  EndTurn();
  AnswerAll();
  Advance(seconds(2));
  service_.asked.clear();
  AskRange(1, 1);
  AskRange(100, 2);
  EndTurn();
  EXPECT_THAT(service_.asked, ElementsAre(Ids{1}, Ids{100, 101}));
  AnswerAll();
}

TEST_F(CoalescerTest, CallersMayLeaveWhileTheirBatchIsAskedAgain) {
  service_.poisonous.insert(1);
  AskRange(1, 4);
  EndTurn();
  service_.Answer(*service_.open[0]);
  EndTurn();
  ASSERT_THAT(service_.open, SizeIs(2));
  auto client = clients_.rbegin();
  client++->context.cancellation.Cancel();
  client->context.cancellation.Cancel();
  EndTurn();
  EXPECT_THAT(service_.open, SizeIs(1)) << "the half without callers is cancelled";
  AnswerAll();
  EXPECT_EQ(clients_.front().code(), absl::StatusCode::kInternal);
  ExpectAnswer(*std::next(clients_.begin()));
  EXPECT_EQ(clients_.back().code(), absl::StatusCode::kCancelled);
}

TEST_F(CoalescerTest, DoesNotTimeReadsThatTheGuardRefused) {
  AskRange(1, 2);
  EndTurn();
  HeldUserService::Fail(*service_.open[0], BulkheadFull("user", 256));
  EndTurn();
  EXPECT_EQ(clients_.front().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Timed("GetUser", "UNAVAILABLE"), 0U);
}

}  // namespace
}  // namespace scaleout::gateway
