#include "gateway/events/cache_invalidator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "proto/scaleout/events/v1/event.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_logger.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// What the test puts into it, in the terms of a consumer group; the reader is owned by what is
// tested.
struct FakeStreams {
  std::vector<StreamEntry> fresh;
  std::vector<StreamEntry> idle;
  std::vector<std::string> acknowledged;  // "STREAM/ID"
  std::vector<StreamBacklog> backlogs;
  absl::Status read, acknowledge;
  std::vector<Duration> waits;
  int claims = 0;
  int looks = 0;
  int forgets = 0;
};

class FakeReader final : public StreamReader {
 public:
  explicit FakeReader(FakeStreams& streams) : streams_(streams) {}

  absl::StatusOr<std::vector<StreamEntry>> ReadNew(int, Duration wait) override {
    streams_.waits.push_back(wait);
    if (!streams_.read.ok()) return streams_.read;
    return std::exchange(streams_.fresh, {});
  }
  absl::StatusOr<std::vector<StreamEntry>> ClaimIdle(int, Duration) override {
    ++streams_.claims;
    return std::exchange(streams_.idle, {});
  }
  absl::Status Acknowledge(const std::string& stream, std::span<const std::string> ids) override {
    if (!streams_.acknowledge.ok()) return streams_.acknowledge;
    for (const std::string& id : ids) streams_.acknowledged.push_back(stream + "/" + id);
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<StreamBacklog>> Backlogs() override {
    ++streams_.looks;
    return streams_.backlogs;
  }
  absl::Status ForgetConsumers(Duration) override {
    ++streams_.forgets;
    return absl::OkStatus();
  }

 private:
  FakeStreams& streams_;
};

class CacheInvalidatorTest : public ::testing::Test {
 protected:
  StreamEntry Entry(const std::string& id, const std::string& type, std::int64_t key,
                    const std::string& payload = R"({"userId":"7"})", Duration age = 0ms) {
    events::v1::Event event;
    event.id = "00000000-0000-4000-8000-000000000001";
    event.type = type;
    event.aggregate_id = key;
    event.sequence = 5;
    const auto created = clock_.WallNow().time_since_epoch() - age;
    event.created_us = std::chrono::duration_cast<std::chrono::microseconds>(created).count();
    event.payload = payload;
    return {.stream = "events:" + std::string(events::v1::KindOf(type)),
            .id = id,
            .fields = events::v1::ToFields(event)};
  }

  absl::Status Replace(const std::vector<std::string>& names) {
    replaced_.push_back(names);
    return cache_;
  }

  testing::FakeClock clock_;
  testing::FakeLogger logger_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  FakeStreams streams_;
  absl::Status cache_;
  std::vector<std::vector<std::string>> replaced_;
  CacheInvalidator invalidator_{std::make_unique<FakeReader>(streams_),
                                [this](const auto& names) { return Replace(names); }, clock_,
                                logger_, *metrics_};
};

TEST_F(CacheInvalidatorTest, ReadsTheStreamsOfTheOwners) {
  EXPECT_THAT(OwnersStreams(), UnorderedElementsAre("events:user", "events:product", "events:order",
                                                    "events:payment"));
}

TEST_F(CacheInvalidatorTest, ReplacesTokensOfABatchOnceAndAcknowledges) {
  streams_.fresh = {Entry("1-0", "user.changed", 1), Entry("2-0", "order.changed", 2),
                    Entry("3-0", "order.changed", 3), Entry("4-0", "order.changed", 2)};
  EXPECT_EQ(invalidator_.Step(), 0ms);
  EXPECT_THAT(replaced_, ElementsAre(ElementsAre("order:2", "order:3", "orders-of:7", "user:1")));
  EXPECT_THAT(streams_.acknowledged, UnorderedElementsAre("events:user/1-0", "events:order/2-0",
                                                          "events:order/3-0", "events:order/4-0"));
  EXPECT_EQ(invalidator_.report().invalidated, 4);
  EXPECT_EQ(invalidator_.Step(), 0ms);
  EXPECT_EQ(replaced_.size(), 1U);
}

// What is claimed was read before, by this gateway or by one that is gone.
TEST_F(CacheInvalidatorTest, ReplacesForClaimedEntriesAndOldOnesAgain) {
  streams_.idle = {Entry("1-0", "user.changed", 1)};
  streams_.fresh = {Entry("9-0", "user.changed", 2)};
  invalidator_.Step();
  streams_.fresh = {Entry("1-0", "user.changed", 1)};
  invalidator_.Step();
  EXPECT_THAT(replaced_, ElementsAre(ElementsAre("user:1", "user:2"), ElementsAre("user:1")));
}

TEST_F(CacheInvalidatorTest, ClaimsEveryHalfSecondAndAtOnceAfterItFoundSome) {
  invalidator_.Step();
  invalidator_.Step();
  EXPECT_EQ(streams_.claims, 1);
  EXPECT_EQ(streams_.waits.back(), kEventReadWait);
  clock_.Advance(kEventClaimIdle);
  streams_.idle = {Entry("1-0", "user.changed", 1)};
  invalidator_.Step();
  EXPECT_EQ(streams_.waits.back(), 0ms);
  EXPECT_EQ(streams_.claims, 2);
  invalidator_.Step();
  EXPECT_EQ(streams_.claims, 3);
  invalidator_.Step();
  EXPECT_EQ(streams_.claims, 3);
}

TEST_F(CacheInvalidatorTest, TriesUntilCacheTakesItAndReadsNothingMeanwhile) {
  cache_ = absl::DeadlineExceededError("frozen");
  streams_.fresh = {Entry("1-0", "user.changed", 1), Entry("2-0", "payment.captured", 2)};
  EXPECT_EQ(invalidator_.Step(), kEventRetryPause);
  EXPECT_THAT(streams_.acknowledged, ElementsAre("events:payment/2-0"));
  streams_.fresh = {Entry("3-0", "user.changed", 3)};
  for (int i = 0; i < 99; ++i) {
    clock_.Advance(kEventRetryPause);
    EXPECT_EQ(invalidator_.Step(), kEventRetryPause);
  }
  EXPECT_EQ(streams_.fresh.size(), 1U);
  EXPECT_THAT(replaced_.back(), ElementsAre("user:1"));
  EXPECT_EQ(invalidator_.report().failed, 1);
  EXPECT_EQ(logger_.CountOf("events wait for redis-cache"), 1U);
  // What waits can be seen meanwhile.
  EXPECT_GT(streams_.looks, 5);
  cache_ = absl::OkStatus();
  EXPECT_EQ(invalidator_.Step(), 0ms);
  invalidator_.Step();
  EXPECT_THAT(streams_.acknowledged,
              ElementsAre("events:payment/2-0", "events:user/1-0", "events:user/3-0"));
  EXPECT_EQ(invalidator_.report().invalidated, 2);
  EXPECT_EQ(logger_.CountOf("redis-cache takes events again"), 1U);
}

// Its streams are bounded: the owners' other consumers would wait for the cache.
TEST_F(CacheInvalidatorTest, InvalidatesAllAfterItHasHeldEventsForLong) {
  cache_ = absl::UnavailableError("away");
  streams_.fresh = {Entry("1-0", "user.changed", 1)};
  invalidator_.Step();
  clock_.Advance(kEventHoldLimit - 1ms);
  EXPECT_EQ(invalidator_.Step(), kEventRetryPause);
  EXPECT_THAT(streams_.acknowledged, IsEmpty());
  clock_.Advance(1ms);
  EXPECT_EQ(invalidator_.Step(), 0ms);
  EXPECT_THAT(streams_.acknowledged, ElementsAre("events:user/1-0"));
  EXPECT_EQ(logger_.CountOf("redis-cache is away for long: all of the cache will be invalidated"),
            1U);
  // Later events do not wait, and the cache is asked now and then.
  const std::size_t tries = replaced_.size();
  for (int id = 2; id < 12; ++id) {
    streams_.fresh = {Entry(std::to_string(id) + "-0", "order.changed", id)};
    EXPECT_EQ(invalidator_.Step(), 0ms);
    clock_.Advance(kInvalidateAllInterval / 10);
  }
  EXPECT_EQ(streams_.acknowledged.size(), 11U);
  EXPECT_EQ(replaced_.size(), tries + 1);
  EXPECT_EQ(invalidator_.report().failed, 11);
  EXPECT_EQ(invalidator_.Step(), kEventRetryPause);
  cache_ = absl::OkStatus();
  clock_.Advance(kInvalidateAllInterval);
  EXPECT_EQ(invalidator_.Step(), 0ms);
  EXPECT_THAT(replaced_.back(), IsEmpty());  // all
  streams_.fresh = {Entry("12-0", "user.changed", 12)};
  invalidator_.Step();
  EXPECT_THAT(replaced_.back(), ElementsAre("user:12"));
  EXPECT_EQ(logger_.CountOf("redis-cache takes events again"), 1U);
}

TEST_F(CacheInvalidatorTest, AcknowledgesOnlyWithoutCache) {
  CacheInvalidator without(std::make_unique<FakeReader>(streams_), nullptr, clock_, logger_,
                           *metrics_);
  streams_.fresh = {Entry("1-0", "user.changed", 1)};
  EXPECT_EQ(without.Step(), 0ms);
  EXPECT_THAT(streams_.acknowledged, ElementsAre("events:user/1-0"));
  EXPECT_EQ(without.report().ignored, 1);
}

TEST_F(CacheInvalidatorTest, AcknowledgesOtherTypesWithoutEffect) {
  streams_.fresh = {Entry("1-0", "payment.captured", 1, "no json"),
                    Entry("2-0", "user.promoted", 1), Entry("3-0", "category.changed", 1)};
  invalidator_.Step();
  EXPECT_THAT(replaced_, IsEmpty());
  EXPECT_EQ(streams_.acknowledged.size(), 3U);
  EXPECT_EQ(invalidator_.report().ignored, 3);
  EXPECT_THAT(logger_.lines(), IsEmpty());
}

TEST_F(CacheInvalidatorTest, AcknowledgesMalformedEntriesWithAWarning) {
  StreamEntry no_event{.stream = "events:user", .id = "1-0", .fields = {{"a", "\xff"}}};
  StreamEntry empty{.stream = "events:user", .id = "2-0", .fields = {}};
  streams_.fresh = {no_event, empty, Entry("3-0", "order.changed", 1, "{}"),
                    Entry("4-0", "user.changed", 4)};
  invalidator_.Step();
  EXPECT_EQ(streams_.acknowledged.size(), 4U);
  EXPECT_THAT(replaced_, ElementsAre(ElementsAre("user:4")));
  EXPECT_EQ(invalidator_.report().malformed, 3);
  ASSERT_EQ(logger_.CountOf("malformed events"), 1U);
  const auto line = logger_.Find("malformed events");
  EXPECT_EQ(line->level, LogLevel::kWarn);
  EXPECT_EQ(line->fields.at("count"), "3");
  EXPECT_EQ(line->fields.at("stream"), "events:user");
  EXPECT_EQ(line->fields.at("entry"), "1-0");
  invalidator_.Step();
  EXPECT_EQ(logger_.CountOf("malformed events"), 1U);
}

TEST_F(CacheInvalidatorTest, PausesWhileStreamsCannotBeRead) {
  streams_.read = absl::UnavailableError("away");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(invalidator_.Step(), kEventRetryPause);
  EXPECT_EQ(logger_.CountOf("events cannot be read"), 1U);
  EXPECT_FALSE(invalidator_.report().backlogs_age.has_value());
  streams_.read = absl::OkStatus();
  EXPECT_EQ(invalidator_.Step(), 0ms);
  EXPECT_EQ(logger_.CountOf("events are read again"), 1U);
}

// The claims of a reader that cannot read new entries have their effect, and do not pile up.
TEST_F(CacheInvalidatorTest, HandlesClaimedEntriesAlsoIfReadingFails) {
  streams_.read = absl::InternalError("no stream");
  streams_.idle = {Entry("1-0", "user.changed", 1)};
  EXPECT_EQ(invalidator_.Step(), kEventRetryPause);
  EXPECT_THAT(streams_.acknowledged, ElementsAre("events:user/1-0"));
}

TEST_F(CacheInvalidatorTest, LeavesEntryPendingThatCannotBeAcknowledged) {
  streams_.acknowledge = absl::UnavailableError("away");
  streams_.fresh = {Entry("1-0", "user.changed", 1)};
  EXPECT_EQ(invalidator_.Step(), kEventRetryPause);
  streams_.acknowledge = absl::OkStatus();
  EXPECT_EQ(invalidator_.Step(), 0ms);
  EXPECT_THAT(streams_.acknowledged, IsEmpty());
  clock_.Advance(kEventClaimIdle);
  streams_.idle = {Entry("1-0", "user.changed", 1)};
  invalidator_.Step();
  EXPECT_THAT(streams_.acknowledged, ElementsAre("events:user/1-0"));
  EXPECT_EQ(replaced_.size(), 2U);
}

TEST_F(CacheInvalidatorTest, ReportsBacklogsOnceASecondAndAges) {
  EXPECT_FALSE(invalidator_.report().last_event_age.has_value());
  streams_.backlogs = {{.stream = "events:user", .length = 3, .lag = 2, .pending = 1}};
  streams_.fresh = {Entry("1-0", "user.changed", 1, "{}", 2s)};
  invalidator_.Step();
  invalidator_.Step();
  EXPECT_EQ(streams_.looks, 1);
  clock_.Advance(600ms);
  const EventsReport report = invalidator_.report();
  EXPECT_EQ(report.backlogs_age, 600ms);
  EXPECT_EQ(report.last_event_age, 600ms);
  EXPECT_GT(report.lag_seconds_p50, 1);
  ASSERT_EQ(report.backlogs.size(), 1U);
  EXPECT_EQ(report.backlogs[0].lag, 2);
  clock_.Advance(400ms);
  invalidator_.Step();
  EXPECT_EQ(streams_.looks, 2);
}

TEST_F(CacheInvalidatorTest, ForgetsConsumersThatAreGoneNowAndThen) {
  invalidator_.Step();
  EXPECT_EQ(streams_.forgets, 0);
  clock_.Advance(kForgetInterval);
  invalidator_.Step();
  invalidator_.Step();
  EXPECT_EQ(streams_.forgets, 1);
}

}  // namespace
}  // namespace scaleout::gateway
