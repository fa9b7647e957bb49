#include "services/user/password_hasher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "tests/support/address_space_limit.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"

namespace scaleout::user {
namespace {

using scaleout::testing::Eventually;
using ::testing::StartsWith;

// The least that libsodium accepts: microseconds.
constexpr HashCost kTiny{1, 8192};
constexpr std::size_t kTebibyte = std::size_t{1} << 40;

class PasswordHasherTest : public ::testing::Test {
 protected:
  double Count(const std::string& name, const std::string& help) {
    return metrics_->AddCounter(name, help).value();
  }
  double Dropped() {
    return Count("auth_hash_dropped_total",
                 "Password hashes whose caller had left before their turn");
  }
  double Waiting() {
    return metrics_->AddGauge("auth_hash_waiting", "Password hashes that wait for a thread")
        .value();
  }
  double Refused() {
    return Count("auth_hash_refused_total", "Calls that could not wait for a password hash");
  }
  absl::StatusOr<bool> Verify(PasswordHasher& hasher, const std::string& hash,
                              const std::string& password) {
    absl::StatusOr<PasswordHasher::Place> place = hasher.Reserve(call_);
    if (!place.ok()) return place.status();
    return hasher.Verify(*std::move(place), call_, hash, password);
  }
  CallContext CallFor(Duration limit) {
    CallContext call;
    call.deadline = Deadline::In(limit, clock_);
    return call;
  }
  static void ExpectOverloaded(const absl::Status& status) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_EQ(ReasonOf(status), kReasonOverloaded);
    EXPECT_EQ(MetadataOf(status).count("retryAfterMs"), 1u);
  }
  std::uint64_t Hashes() {
    return metrics_
        ->AddHistogram("auth_hash_seconds", "Password hashes, without their wait", LatencyBounds())
        .count();
  }

  scaleout::testing::FakeClock clock_;
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  const CallContext call_;
};

TEST_F(PasswordHasherTest, VerifiesThePasswordOfAHashAndNoOther) {
  PasswordHasher hasher({.cost = kTiny}, *metrics_, clock_);
  const auto hash = hasher.Hash(call_, "correct horse battery");
  ASSERT_TRUE(hash.ok()) << hash.status();
  EXPECT_THAT(*hash, StartsWith("$argon2id$v=19$m=8,t=1,p=1$"));
  EXPECT_TRUE(*Verify(hasher, *hash, "correct horse battery"));
  EXPECT_FALSE(*Verify(hasher, *hash, "correct horse batterx"));
  EXPECT_FALSE(*Verify(hasher, *hash, ""));
  EXPECT_FALSE(*Verify(hasher, "not a hash", "correct horse battery"));
}

TEST_F(PasswordHasherTest, HashesOfOnePasswordDiffer) {
  PasswordHasher hasher({.cost = kTiny}, *metrics_, clock_);
  EXPECT_NE(*hasher.Hash(call_, "correct horse battery"),
            *hasher.Hash(call_, "correct horse battery"));
}

TEST_F(PasswordHasherTest, DummyHashIsOfThePresentCostAndOfNoPassword) {
  PasswordHasher hasher({.cost = kTiny}, *metrics_, clock_);
  EXPECT_THAT(hasher.dummy_hash(), StartsWith("$argon2id$v=19$m=8,t=1,p=1$"));
  // One that libsodium could not read would cost no work: it would have to be made anew.
  EXPECT_FALSE(hasher.NeedsRehash(hasher.dummy_hash()));
  const std::uint64_t before = Hashes();
  EXPECT_FALSE(*Verify(hasher, hasher.dummy_hash(), "correct horse battery"));
  EXPECT_EQ(Hashes(), before + 1);
}

TEST_F(PasswordHasherTest, CostsWhatOwaspRecommends) {
  EXPECT_EQ(kHashCost.passes, 2u);
  EXPECT_EQ(kHashCost.memory_bytes, 19u * 1024 * 1024);
  PasswordHasher hasher({}, *metrics_, clock_);
  EXPECT_THAT(hasher.dummy_hash(), StartsWith("$argon2id$v=19$m=19456,t=2,p=1$"));
  EXPECT_FALSE(hasher.NeedsRehash(hasher.dummy_hash()));
}

TEST_F(PasswordHasherTest, HashOfALowerCostNeedsToBeMadeAnew) {
  PasswordHasher low({.cost = kTiny}, *metrics_, clock_);
  PasswordHasher high({.cost = {2, 8192}}, *metrics_, clock_);
  const std::string hash = *low.Hash(call_, "correct horse battery");
  EXPECT_FALSE(low.NeedsRehash(hash));
  EXPECT_TRUE(high.NeedsRehash(hash));
  EXPECT_TRUE(*Verify(high, hash, "correct horse battery"));
}

TEST_F(PasswordHasherTest, CallWhoseDeadlineHasPassedIsNotHashed) {
  PasswordHasher hasher({.cost = kTiny}, *metrics_, clock_);
  CallContext late;
  late.deadline = Deadline::At(clock_.Now());
  EXPECT_TRUE(absl::IsDeadlineExceeded(hasher.Hash(late, "correct horse battery").status()));
  CallContext gone;
  gone.is_cancelled = [] { return true; };
  EXPECT_TRUE(absl::IsCancelled(hasher.Hash(gone, "correct horse battery").status()));
  EXPECT_TRUE(hasher.Hash(call_, "correct horse battery").ok());
  EXPECT_EQ(Hashes(), 1u);
}

// The hasher has one thread, which stands before each hash until the test lets it go on.
class HeldHasherTest : public PasswordHasherTest {
 protected:
  using Result = absl::StatusOr<std::string>;

  ~HeldHasherTest() override { Release(); }

  std::future<Result> Start(const CallContext& call) {
    return std::async(std::launch::async,
                      [this, call] { return hasher_.Hash(call, "correct horse battery"); });
  }
  // A hash at work, and none that waits.
  std::future<Result> Occupy() {
    auto first = Start(call_);
    EXPECT_TRUE(Eventually([&] { return held_ == 1; }));
    return first;
  }
  void AwaitWaiting(int jobs) {
    EXPECT_TRUE(Eventually([&] { return Waiting() == jobs; }));
  }
  void Release() {
    if (!std::exchange(is_released_, true)) release_.set_value();
  }

  std::atomic<int> held_{0};
  std::promise<void> release_;
  const std::shared_future<void> released_{release_.get_future()};
  bool is_released_ = false;
  std::atomic<int> nice_{0};
  PasswordHasher hasher_{{.threads = 1,
                          .max_queued = 2,
                          .cost = kTiny,
                          .before_hash =
                              [this] {
                                nice_ = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
                                ++held_;
                                released_.wait();
                              }},
                         *metrics_,
                         clock_};
};

TEST_F(HeldHasherTest, HashesAtTheLowestPriorityWithoutLoweringTheProcess) {
  const auto first = Occupy();
  EXPECT_EQ(nice_, 19);
  EXPECT_LT(getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())), 19);
  Release();
}

TEST_F(HeldHasherTest, FullQueueRefusesAtOnceWithATimeToTryAgain) {
  const auto first = Occupy();
  const auto second = Start(call_);
  const auto third = Start(call_);
  AwaitWaiting(2);
  ExpectOverloaded(hasher_.Hash(call_, "correct horse battery").status());
  ExpectOverloaded(hasher_.Reserve(call_).status());
  EXPECT_EQ(Refused(), 2);
  Release();
}

TEST_F(HeldHasherTest, EveryCallThatWaitsHasItsTurn) {
  auto first = Occupy();
  auto second = Start(call_);
  auto third = Start(call_);
  AwaitWaiting(2);
  Release();
  for (auto* result : {&first, &second, &third}) EXPECT_TRUE(result->get().ok());
  EXPECT_EQ(Waiting(), 0);
  EXPECT_TRUE(hasher_.Reserve(call_).ok());
}

TEST_F(HeldHasherTest, CallThatComesAloneIsTakenHoweverSlowTheHashBeforeItWas) {
  auto first = Occupy();
  clock_.Advance(std::chrono::seconds(30));
  Release();
  ASSERT_TRUE(first.get().ok());
  auto place = hasher_.Reserve(CallFor(std::chrono::milliseconds(1)));
  ASSERT_TRUE(place.ok()) << place.status();
  EXPECT_TRUE(hasher_.Verify(*std::move(place), call_, hasher_.dummy_hash(), "x").ok());
}

TEST_F(HeldHasherTest, JobWhoseCallerIsTooLateIsDroppedWithoutHashing) {
  auto first = Occupy();
  auto late = Start(CallFor(std::chrono::seconds(1)));
  AwaitWaiting(1);
  clock_.Advance(std::chrono::seconds(2));
  EXPECT_TRUE(absl::IsDeadlineExceeded(late.get().status()));
  EXPECT_EQ(Waiting(), 0);
  EXPECT_EQ(Dropped(), 1);
  Release();
  ASSERT_TRUE(first.get().ok());
  EXPECT_EQ(Hashes(), 1u);
}

TEST_F(HeldHasherTest, JobWhoseClientHasLeftIsDroppedWithoutHashing) {
  auto first = Occupy();
  std::atomic<bool> gone = false;
  CallContext call;
  call.is_cancelled = [&gone] { return gone.load(); };
  auto left = Start(call);
  AwaitWaiting(1);
  gone = true;
  EXPECT_TRUE(absl::IsCancelled(left.get().status()));
  EXPECT_EQ(Dropped(), 1);
  Release();
  ASSERT_TRUE(first.get().ok());
  EXPECT_EQ(Hashes(), 1u);
}

TEST_F(HeldHasherTest, JobWhoseTurnComesTooLateIsRefusedBeforeItsDeadline) {
  auto first = Occupy();
  auto second = Start(CallFor(std::chrono::seconds(5)));
  AwaitWaiting(1);
  // Until then its hash would have been made; and the deadline is far.
  clock_.Advance(kMaxHashTime - kAfterHash);
  ExpectOverloaded(second.get().status());
  EXPECT_EQ(Waiting(), 0);
  EXPECT_EQ(Refused(), 1);
  EXPECT_EQ(Dropped(), 0);
  Release();
  ASSERT_TRUE(first.get().ok());
  EXPECT_EQ(Hashes(), 1u);
}

TEST_F(HeldHasherTest, JobThatIsTooLateAtItsTurnIsNotHashed) {
  auto first = Occupy();
  auto second = Start(call_);
  AwaitWaiting(1);
  clock_.Advance(kMaxHashTime - kAfterHash);
  Release();
  ExpectOverloaded(second.get().status());
  ASSERT_TRUE(first.get().ok());
  EXPECT_EQ(Hashes(), 1u);
}

TEST_F(HeldHasherTest, HashAtWorkWhoseClientHasLeftIsNotCountedAsDropped) {
  std::atomic<bool> gone = false;
  CallContext call;
  call.is_cancelled = [&gone] { return gone.load(); };
  auto left = Start(call);
  ASSERT_TRUE(Eventually([&] { return held_ == 1; }));
  gone = true;
  EXPECT_TRUE(absl::IsCancelled(left.get().status()));
  EXPECT_EQ(Dropped(), 0);
  Release();
}

TEST_F(HeldHasherTest, JobThatFindsAFreeThreadIsHashedHoweverLongItTakes) {
  auto first = Occupy();
  clock_.Advance(kMaxHashTime);
  Release();
  EXPECT_TRUE(first.get().ok());
}

TEST_F(HeldHasherTest, PlacesAreTakenBeforeTheyAreUsedAndGivenBackIfTheyAreNot) {
  auto first = Occupy();
  {
    const auto second = hasher_.Reserve(call_);
    const auto third = hasher_.Reserve(call_);
    EXPECT_TRUE(second.ok() && third.ok());
    ExpectOverloaded(hasher_.Reserve(call_).status());
  }
  EXPECT_TRUE(hasher_.Reserve(call_).ok());
  Release();
}

TEST_F(PasswordHasherTest, HasherThatHasMadeNoHashHasAsManyPlacesAsTheFirstMeanAllows) {
  PasswordHasher hasher({.max_queued = 64, .cost = kTiny}, *metrics_, clock_);
  std::vector<PasswordHasher::Place> places;
  while (true) {
    absl::StatusOr<PasswordHasher::Place> place = hasher.Reserve(call_);
    if (!place.ok()) break;
    places.push_back(*std::move(place));
  }
  EXPECT_EQ(places.size(), (kMaxHashTime - kAfterHash) / kFirstMeanHash);
}

TEST_F(PasswordHasherTest, MeanOfRecentHashesDecidesWhoCanWait) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::atomic<int> begun{0};
  PasswordHasher hasher({.cost = kTiny,
                         .before_hash =
                             [&] {
                               if (++begun == 2) return released.wait();
                               // The mean becomes 100 ms.
                               clock_.Advance(std::chrono::milliseconds(450));
                             }},
                        *metrics_, clock_);
  ASSERT_TRUE(hasher.Hash(call_, "correct horse battery").ok());
  auto second =
      std::async(std::launch::async, [&] { return hasher.Hash(call_, "correct horse battery"); });
  ASSERT_TRUE(Eventually([&] { return begun == 2; }));
  // The hash at work, the call's own, and what comes after it.
  const auto needed = 2 * std::chrono::milliseconds(100) + kAfterHash;
  const auto refused = hasher.Reserve(CallFor(needed - std::chrono::milliseconds(1)));
  ExpectOverloaded(refused.status());
  EXPECT_EQ(MetadataOf(refused.status())["retryAfterMs"], "100");
  EXPECT_TRUE(hasher.Reserve(CallFor(needed)).ok());
  release.set_value();
  EXPECT_TRUE(second.get().ok());
}

TEST_F(PasswordHasherTest, CallWithoutMemoryForItsHashIsRefusedAsOverload) {
  PasswordHasher hasher({.cost = {1, 2 * kTebibyte}}, *metrics_, clock_);
  const scaleout::testing::AddressSpaceLimit limit(kTebibyte);
  ExpectOverloaded(hasher.Hash(call_, "correct horse battery").status());
  ExpectOverloaded(Verify(hasher, hasher.dummy_hash(), "correct horse battery").status());
}

TEST_F(PasswordHasherTest, RenewsAHashOfAnotherCostAndNoOther) {
  PasswordHasher low({.cost = kTiny}, *metrics_, clock_);
  PasswordHasher high({.cost = {2, 8192}}, *metrics_, clock_);
  const std::string hash = *low.Hash(call_, "correct horse battery");
  EXPECT_EQ(low.Renew(call_, hash, "correct horse battery"), std::nullopt);
  const auto anew = high.Renew(call_, hash, "correct horse battery");
  ASSERT_TRUE(anew);
  EXPECT_FALSE(high.NeedsRehash(*anew));
  EXPECT_TRUE(*Verify(high, *anew, "correct horse battery"));
}

TEST_F(PasswordHasherTest, RenewsNothingForACallThatHasNotTheTime) {
  PasswordHasher low({.cost = kTiny}, *metrics_, clock_);
  const std::string hash = *low.Hash(call_, "correct horse battery");
  PasswordHasher high({.cost = {2, 8192}}, *metrics_, clock_);
  const Duration needed = kAfterHash + kFirstMeanHash;
  EXPECT_FALSE(high.Renew(CallFor(needed - std::chrono::milliseconds(1)), hash, "x"));
  EXPECT_TRUE(high.Renew(CallFor(needed), hash, "x"));
}

TEST_F(HeldHasherTest, RenewsNothingWhileAnotherHashIsMade) {
  PasswordHasher high({.cost = {2, 8192}}, *metrics_, clock_);
  const std::string hash = *high.Hash(call_, "correct horse battery");
  auto first = Occupy();
  EXPECT_FALSE(hasher_.Renew(call_, hash, "correct horse battery"));
  EXPECT_EQ(Refused(), 0);
  Release();
}

TEST_F(HeldHasherTest, LoginDoesNotWaitLongForARenewedHash) {
  PasswordHasher high({.cost = {2, 8192}}, *metrics_, clock_);
  const std::string hash = *high.Hash(call_, "correct horse battery");
  const CallContext call = CallFor(std::chrono::seconds(5));
  auto renewed = std::async(std::launch::async,
                            [&] { return hasher_.Renew(call, hash, "correct horse battery"); });
  ASSERT_TRUE(Eventually([&] { return held_ == 1; }));
  clock_.Advance(kMaxRenewTime);
  EXPECT_FALSE(renewed.get());
  EXPECT_TRUE(CheckWanted(call, clock_).ok());
  Release();
}

}  // namespace
}  // namespace scaleout::user
