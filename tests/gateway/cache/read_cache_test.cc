#include "gateway/cache/read_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "tests/gateway/backends/cached_verb_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Eventually;
using testing::PrivateRedis;
using testing::ReadOutcome;
using testing::SmallGateway;

class ReadCacheTest : public ::testing::Test {
 protected:
  ReadCacheTest() { service_.Set("a", "first"); }

  SmallGateway& Start(const CacheConfig& config = {}) {
    SmallGateway& made =
        *gateways_.emplace_back(std::make_unique<SmallGateway>(service_, redis_.server(), config));
    EXPECT_TRUE(made.IsUp());
    return made;
  }
  // So many reads have reached the service.
  bool IsAsked(int times) {
    return Eventually([this, times] { return service_.asked() >= times; });
  }

  testing::TextService service_;
  PrivateRedis redis_;
  std::vector<std::unique_ptr<SmallGateway>> gateways_;
};

TEST_F(ReadCacheTest, AMissIsAHitForEveryGatewayAfterwards) {
  SmallGateway& one = Start();
  SmallGateway& other = Start();
  const ReadOutcome first = one.Read("a");
  EXPECT_EQ(first.text, "first");
  EXPECT_EQ(first.result(), CacheResult::kMiss);
  ASSERT_TRUE(one.Warm("a"));
  const int asked = service_.asked();
  for (SmallGateway* const gateway : {&one, &other}) {
    const ReadOutcome next = gateway->Read("a");
    EXPECT_EQ(next.text, "first");
    EXPECT_EQ(next.result(), CacheResult::kHit);
    EXPECT_GE(next.note.age.count(), 0);
    EXPECT_GT(next.note.fresh_for, seconds(20));
  }
  EXPECT_EQ(service_.asked(), asked);
  EXPECT_EQ(one.metrics().counts().misses, asked);
  EXPECT_GE(one.metrics().counts().hits, 2);
  EXPECT_EQ(other.metrics().counts().hits, 1);
}

TEST_F(ReadCacheTest, WhatIsNotCachedNotesNothing) {
  service_.Set("uncached", "text");
  SmallGateway& one = Start();
  EXPECT_EQ(one.Read("uncached").result(), CacheResult::kNone);
  EXPECT_EQ(one.Read("uncached").text, "text");
  EXPECT_EQ(service_.asked(), 2);
}

TEST_F(ReadCacheTest, AStaleValueIsServedWhileOneReaderRefreshesIt) {
  SmallGateway& one = Start({.user_ttl = milliseconds(30)});
  ASSERT_TRUE(one.Warm("a"));
  service_.Set("a", "second");  // without a write: nothing says so but the time to live
  ASSERT_TRUE(Eventually([&] { return one.Read("a").result() == CacheResult::kStale; }));
  ASSERT_TRUE(Eventually([&] { return one.Read("a").text == "second"; }));
}

TEST_F(ReadCacheTest, AStaleValueIsServedWhileTheServiceFails) {
  SmallGateway& one = Start({.user_ttl = milliseconds(30)});
  ASSERT_TRUE(one.Warm("a"));
  service_.Fail(absl::UnavailableError("down"));
  ASSERT_TRUE(Eventually([&] { return one.Read("a").result() == CacheResult::kStale; }));
  for (int i = 0; i < 10; ++i) {
    const ReadOutcome stale = one.Read("a");
    EXPECT_EQ(stale.text, "first");
    EXPECT_EQ(stale.result(), CacheResult::kStale);
    EXPECT_LE(stale.note.fresh_for.count(), 0);
  }
}

TEST_F(ReadCacheTest, AValueThatIsTooOldIsNotServed) {
  SmallGateway& one = Start({.user_ttl = milliseconds(30), .stale = milliseconds(0)});
  ASSERT_TRUE(one.Warm("a"));
  service_.Fail(absl::UnavailableError("down"));
  ASSERT_TRUE(Eventually([&] { return one.Read("a").code == absl::StatusCode::kUnavailable; }));
  EXPECT_EQ(one.Read("a").result(), CacheResult::kMiss);
}

TEST_F(ReadCacheTest, ThatThereIsNoneIsRemembered) {
  SmallGateway& one = Start();
  const ReadOutcome first = one.Read("b");
  EXPECT_EQ(first.code, absl::StatusCode::kNotFound);
  ReadOutcome second;
  ASSERT_TRUE(Eventually([&] { return (second = one.Read("b")).result() == CacheResult::kHit; }));
  EXPECT_EQ(second.code, absl::StatusCode::kNotFound);
  EXPECT_EQ(second.text, "there is no b");
  ASSERT_TRUE(one.Write("b", "new").ok());
  EXPECT_EQ(one.Read("b").text, "new");
}

TEST_F(ReadCacheTest, ThatThereIsNoneIsForgottenAfterItsTime) {
  SmallGateway& one = Start({.negative_ttl = milliseconds(20)});
  one.Read("b");
  service_.Set("b", "new");
  EXPECT_TRUE(Eventually([&] { return one.Read("b").text == "new"; }));
}

TEST_F(ReadCacheTest, ErrorsAreNotStored) {
  SmallGateway& one = Start();
  service_.Fail(absl::InternalError("broken"));
  EXPECT_EQ(one.Read("a").code, absl::StatusCode::kInternal);
  service_.Fail(absl::OkStatus());
  EXPECT_EQ(one.Read("a").text, "first");
}

TEST_F(ReadCacheTest, AWriteIsSeenThroughEveryGatewayOnceItIsAnswered) {
  SmallGateway& one = Start();
  SmallGateway& other = Start();
  for (int i = 0; i < 50; ++i) {
    const std::string value = std::to_string(i);
    ASSERT_TRUE(one.Write("a", value).ok());
    EXPECT_EQ(other.Read("a").text, value);
    EXPECT_EQ(one.Read("a").text, value);
  }
}

TEST_F(ReadCacheTest, AWriteThatFailedIsFollowedByTheSame) {
  SmallGateway& one = Start();
  ASSERT_TRUE(one.Warm("a"));
  service_.FailWrites(absl::DeadlineExceededError("late"));
  EXPECT_FALSE(one.Write("a", "second").ok());
  EXPECT_EQ(one.Read("a").text, "second");
}

TEST_F(ReadCacheTest, ASlowFillDoesNotBringAnOldValueBack) {
  SmallGateway& one = Start({.lock_wait = milliseconds(0)});
  SmallGateway& other = Start({.lock_wait = milliseconds(0)});
  service_.Hold();
  std::future<ReadOutcome> slow = one.BeginRead("a");
  ASSERT_TRUE(IsAsked(1));
  ASSERT_TRUE(other.Write("a", "second").ok());
  service_.Release();
  EXPECT_EQ(slow.get().text, "first");  // it began before the write was answered
  EXPECT_EQ(other.Read("a").text, "second");
  EXPECT_EQ(one.Read("a").text, "second");
}

TEST_F(ReadCacheTest, AReadAfterAWriteDoesNotJoinAnOlderFlight) {
  SmallGateway& one = Start();
  service_.Hold();
  std::future<ReadOutcome> before = one.BeginRead("a");
  ASSERT_TRUE(IsAsked(1));
  ASSERT_TRUE(one.Write("a", "second").ok());
  std::future<ReadOutcome> after = one.BeginRead("a");
  ASSERT_TRUE(IsAsked(2));
  service_.Release();
  EXPECT_EQ(before.get().text, "first");
  EXPECT_EQ(after.get().text, "second");
}

TEST_F(ReadCacheTest, ReadersOfALoopThatMissTheSameAskOnce) {
  SmallGateway& one = Start();
  service_.Hold();
  std::vector<std::future<ReadOutcome>> readers;
  for (int i = 0; i < 50; ++i) readers.push_back(one.BeginRead("a"));
  ASSERT_TRUE(Eventually([&] { return one.metrics().counts().joined == 49; }));
  service_.Release();
  for (auto& reader : readers) {
    const ReadOutcome outcome = reader.get();
    EXPECT_EQ(outcome.text, "first");
    EXPECT_EQ(outcome.result(), CacheResult::kMiss);
  }
  EXPECT_EQ(service_.asked(), 1);
}

TEST_F(ReadCacheTest, GatewaysThatMissTheSameAskOnce) {
  const CacheConfig patient{.lock_wait = seconds(10)};
  std::vector<std::future<ReadOutcome>> readers;
  for (int i = 0; i < 3; ++i) Start(patient);
  // So that the tokens are there, and each SET from now on asks for the lock.
  ASSERT_TRUE(gateways_[0]->Warm("a"));
  ASSERT_TRUE(gateways_[0]->Write("a", "second").ok());
  const int asked = service_.asked();
  const int sets = redis_.CountCalls("set");
  service_.Hold();
  for (const auto& gateway : gateways_) readers.push_back(gateway->BeginRead("a"));
  ASSERT_TRUE(IsAsked(asked + 1));
  ASSERT_TRUE(Eventually([&] { return redis_.CountCalls("set") >= sets + 3; }));
  service_.Release();
  int joined = 0;
  for (auto& reader : readers) {
    const ReadOutcome outcome = reader.get();
    EXPECT_EQ(outcome.text, "second");
    joined += outcome.note.joined || outcome.result() == CacheResult::kHit ? 1 : 0;
  }
  EXPECT_EQ(joined, 2);
  EXPECT_EQ(service_.asked(), asked + 1);
}

TEST_F(ReadCacheTest, WithoutSingleFlightEachReaderAsks) {
  for (int i = 0; i < 2; ++i) Start({.single_flight = false});
  service_.Hold();
  std::vector<std::future<ReadOutcome>> readers;
  for (int i = 0; i < 10; ++i) {
    for (const auto& gateway : gateways_) readers.push_back(gateway->BeginRead("a"));
  }
  EXPECT_TRUE(IsAsked(20));
  service_.Release();
  for (auto& reader : readers) {
    const ReadOutcome outcome = reader.get();
    EXPECT_EQ(outcome.text, "first");
    EXPECT_FALSE(outcome.note.joined);
  }
  EXPECT_EQ(service_.asked(), 20);
}

TEST_F(ReadCacheTest, WithoutSingleFlightAnswersAreStoredToo) {
  SmallGateway& one = Start({.user_ttl = milliseconds(30), .single_flight = false});
  ASSERT_TRUE(one.Warm("a"));
  service_.Set("a", "second");
  ASSERT_TRUE(Eventually([&] { return one.Read("a").result() == CacheResult::kStale; }));
  EXPECT_TRUE(Eventually([&] { return one.Read("a").text == "second"; }));
}

TEST_F(ReadCacheTest, AskItselfIfAnotherGatewayTakesTooLong) {
  SmallGateway& one = Start({.lock_wait = milliseconds(30)});
  SmallGateway& other = Start({.lock_wait = milliseconds(30)});
  service_.Hold();
  std::future<ReadOutcome> first = one.BeginRead("a");
  ASSERT_TRUE(IsAsked(1));
  std::future<ReadOutcome> second = other.BeginRead("a");
  EXPECT_TRUE(IsAsked(2));
  service_.Release();
  EXPECT_EQ(first.get().text, "first");
  EXPECT_EQ(second.get().text, "first");
}

TEST_F(ReadCacheTest, TakesOverFromAGatewayThatFailed) {
  SmallGateway& one = Start({.lock_wait = seconds(30)});
  SmallGateway& other = Start({.lock_wait = seconds(30)});
  service_.Fail(absl::UnavailableError("down"));
  service_.Hold();
  std::future<ReadOutcome> first = one.BeginRead("a");
  ASSERT_TRUE(IsAsked(1));
  std::future<ReadOutcome> second = other.BeginRead("a");
  service_.Fail(absl::OkStatus());
  service_.Release();
  EXPECT_EQ(first.get().code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(second.get().text, "first");
}

TEST_F(ReadCacheTest, AReaderThatLeavesEndsItsOwnWaitOnly) {
  SmallGateway& one = Start();
  service_.Hold();
  Cancellation* leader = nullptr;
  std::future<ReadOutcome> leaving = one.BeginReadOf("a", leader);
  ASSERT_TRUE(IsAsked(1));
  std::future<ReadOutcome> staying = one.BeginRead("a");
  ASSERT_TRUE(Eventually([&] { return one.metrics().counts().joined == 1; }));
  one.loops().Call([&] { leader->Cancel(); });
  EXPECT_EQ(leaving.get().code, absl::StatusCode::kCancelled);
  service_.Release();
  EXPECT_EQ(staying.get().text, "first");
  EXPECT_EQ(service_.cancelled(), 0);
}

TEST_F(ReadCacheTest, TheFillIsCancelledWhenAllReadersHaveLeft) {
  SmallGateway& one = Start();
  service_.Hold();
  Cancellation* only = nullptr;
  std::future<ReadOutcome> leaving = one.BeginReadOf("a", only);
  ASSERT_TRUE(IsAsked(1));
  one.loops().Call([&] { only->Cancel(); });
  EXPECT_EQ(leaving.get().code, absl::StatusCode::kCancelled);
  EXPECT_TRUE(Eventually([&] { return service_.cancelled() == 1; }));
  service_.Release();
  EXPECT_EQ(one.Read("a").text, "first");
}

TEST_F(ReadCacheTest, AReaderWaitsNoLongerThanItsDeadline) {
  SmallGateway& one = Start();
  service_.Hold();
  std::future<ReadOutcome> patient = one.BeginRead("a");
  ASSERT_TRUE(IsAsked(1));
  std::future<ReadOutcome> hurried = one.BeginRead("a", false, milliseconds(50));
  EXPECT_EQ(hurried.get().code, absl::StatusCode::kDeadlineExceeded);
  service_.Release();
  EXPECT_EQ(patient.get().text, "first");
}

TEST_F(ReadCacheTest, ARevalidationAsksTheServiceAndStoresItsAnswer) {
  SmallGateway& one = Start();
  ASSERT_TRUE(one.Warm("a"));
  service_.Set("a", "second");
  EXPECT_EQ(one.Read("a").text, "first");
  const ReadOutcome anew = one.Read("a", true);
  EXPECT_EQ(anew.text, "second");
  EXPECT_EQ(anew.result(), CacheResult::kMiss);
  EXPECT_TRUE(anew.note.revalidated);
  EXPECT_TRUE(Eventually([&] { return one.Read("a").text == "second"; }));
}

TEST_F(ReadCacheTest, ARevalidationJoinsNoOne) {
  SmallGateway& one = Start();
  service_.Hold();
  std::future<ReadOutcome> first = one.BeginRead("a");
  ASSERT_TRUE(IsAsked(1));
  service_.Set("a", "second");
  std::future<ReadOutcome> anew = one.BeginRead("a", true);
  EXPECT_TRUE(IsAsked(2));
  service_.Release();
  EXPECT_EQ(anew.get().text, "second");
  first.get();
}

TEST_F(ReadCacheTest, AMessageThatIsTooLargeIsNotStored) {
  service_.Set("a", std::string(kMaxCachedBytes + 1, 'x'));
  SmallGateway& one = Start();
  EXPECT_EQ(one.Read("a").text.size(), kMaxCachedBytes + 1);
  EXPECT_EQ(one.Read("a").result(), CacheResult::kMiss);
}

TEST_F(ReadCacheTest, WhatIsNoEntryIsAMiss) {
  SmallGateway& one = Start();
  ASSERT_TRUE(one.Warm("a"));
  redis_.Ask({"SET", "v:a", "garbage"});
  EXPECT_EQ(one.Read("a").result(), CacheResult::kMiss);
  redis_.Ask({"DEL", "v:a"});
  redis_.Ask({"LPUSH", "v:a", "not a text"});
  EXPECT_EQ(one.Read("a").text, "first");
  redis_.Ask({"SET", "t:a", "short"});
  EXPECT_EQ(one.Read("a").text, "first");
}

TEST_F(ReadCacheTest, AValueWithoutItsTokenIsNotServed) {
  SmallGateway& one = Start();
  ASSERT_TRUE(one.Warm("a"));
  for (const std::string_view token : {"t:a", "t:epoch"}) {
    ASSERT_TRUE(one.Warm("a"));
    redis_.Ask({"DEL", token});  // as an eviction does
    EXPECT_EQ(one.Read("a").result(), CacheResult::kMiss);
  }
}

TEST_F(ReadCacheTest, AfterAFlushItIsOnlyEmpty) {
  SmallGateway& one = Start();
  ASSERT_TRUE(one.Warm("a"));
  redis_.Ask({"FLUSHALL"});
  redis_.Ask({"SCRIPT", "FLUSH"});
  EXPECT_EQ(one.Read("a").result(), CacheResult::kMiss);
  EXPECT_TRUE(Eventually([&] { return one.Read("a").result() == CacheResult::kHit; }));
}

}  // namespace
}  // namespace scaleout::gateway
