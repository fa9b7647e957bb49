#include "gateway/auth/rate_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>

#include "common/env.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using ::testing::HasSubstr;

RateLimit Limit(std::string_view text) { return RateLimit::Parse(text).value(); }

TEST(RateLimit, IsReadAndWritten) {
  for (const char* const text : {"1/s", "100/s", "5/min", "1000/h", "1000000/s", "0"}) {
    ASSERT_TRUE(RateLimit::Parse(text)) << text;
    EXPECT_EQ(Limit(text).ToString(), text);
  }
  EXPECT_EQ(Limit("5/min"), (RateLimit{5, 60s}));
  EXPECT_FALSE(Limit("0").on());
  EXPECT_TRUE(Limit("1/h").on());
}

TEST(RateLimit, RefusesEverythingElse) {
  for (const char* const text : {"", "5", "/", "/s", "5/", "-5/s", "+5/s", "5/day", "5 /s", "5/ s",
                                 "5.5/s", "0/s", "00", "1000001/s", "5/min/s", "5/S", "off"}) {
    EXPECT_FALSE(RateLimit::Parse(text)) << text;
  }
}

TEST(RateLimit, IsASetting) {
  const auto load = [](const std::string& value, RateLimit& limit) {
    Environment env({{"RATE_LIMIT", value}}, {"RATE_LIMIT"});
    Settings settings(env);
    DeclareRateLimit(settings, "RATE_LIMIT", limit, "");
    return env.Check();
  };
  RateLimit limit{5, 60s};
  EXPECT_TRUE(load("", limit).ok());
  EXPECT_EQ(limit, (RateLimit{5, 60s}));
  EXPECT_TRUE(load("7/h", limit).ok());
  EXPECT_EQ(limit, (RateLimit{7, 3600s}));
  EXPECT_TRUE(load("0", limit).ok());
  EXPECT_FALSE(limit.on());
  EXPECT_THAT(load("many", limit).ToString(), HasSubstr("RATE_LIMIT"));
}

TEST(RateLimit, HasAnIntervalThatIsNeverTooShort) {
  EXPECT_EQ(Limit("5/min").interval(), 12s);
  EXPECT_EQ(Limit("7/min").interval(), microseconds(8'571'429));
  EXPECT_EQ(Limit("1000000/s").interval(), 1us);
  EXPECT_EQ(Limit("5/min").burst(), 60s);
}

TEST(Gcra, AllowsTheLimitAtOnceAndThenOneEachInterval) {
  const RateLimit limit = Limit("5/min");
  const microseconds start = 1'000s;
  microseconds empty_at = 0us;
  for (std::int64_t left = 4; left >= 0; --left) {
    const GcraAnswer answer = AskGcra(limit, empty_at, start);
    EXPECT_TRUE(answer.allowed);
    EXPECT_EQ(answer.remaining, left);
    EXPECT_EQ(answer.next, 12s);
    empty_at = answer.empty_at;
  }
  const GcraAnswer refused = AskGcra(limit, empty_at, start);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_EQ(refused.next, 12s);
  EXPECT_FALSE(AskGcra(limit, empty_at, start + 12s - 1us).allowed);
  EXPECT_EQ(AskGcra(limit, empty_at, start + 12s - 1us).next, 1us);
  EXPECT_TRUE(AskGcra(limit, empty_at, start + 12s).allowed);
  EXPECT_EQ(AskGcra(limit, empty_at, start + 12s).remaining, 0);
  EXPECT_EQ(AskGcra(limit, empty_at, start + 35s).remaining, 1);
  EXPECT_EQ(AskGcra(limit, empty_at, start + 35s).next, 1s);
  EXPECT_EQ(AskGcra(limit, empty_at, start + 1h).remaining, 4);
}

TEST(Gcra, WaitsNoLongerThanAnIntervalAfterAClockWasSetBack) {
  const GcraAnswer answer = AskGcra(Limit("5/min"), 1'000'000s, 1'000s);
  EXPECT_FALSE(answer.allowed);
  EXPECT_EQ(answer.next, 12s);
}

TEST(Gcra, TakesSmallerLimitsAsTheyAreSet) {
  // A full bucket of 1000/h has room for nothing more than what one of 5/h leaks meanwhile.
  EXPECT_EQ(AskGcra(Limit("5/h"), 4'600s, 1'000s).next, 720s);
}

// Tokens in a bucket, in fractions that are whole numbers: each second is worth `requests`, each
// request costs `period`.
class TokenBucket {
 public:
  explicit TokenBucket(const RateLimit& limit) : limit_(limit), tokens_(capacity()) {}

  void Pass(std::int64_t seconds) {
    tokens_ = std::min(capacity(), tokens_ + seconds * limit_.requests);
  }
  bool Take() {
    if (tokens_ < limit_.period.count()) return false;
    tokens_ -= limit_.period.count();
    return true;
  }
  std::int64_t remaining() const { return tokens_ / limit_.period.count(); }

 private:
  std::int64_t capacity() const { return limit_.requests * limit_.period.count(); }

  const RateLimit limit_;
  std::int64_t tokens_;
};

TEST(Gcra, IsATokenBucketOverRandomSchedules) {
  std::mt19937 random(5);
  // Of these the interval is whole.
  const RateLimit limits[] = {Limit("1/s"),  Limit("2/s"), Limit("5/min"), Limit("20/min"),
                              Limit("60/h"), Limit("1/h"), Limit("100/s"), Limit("1/min")};
  for (int schedule = 0; schedule < 1'000; ++schedule) {
    const RateLimit& limit = limits[random() % std::size(limits)];
    TokenBucket bucket(limit);
    microseconds now = 5'000s;
    microseconds empty_at = 0us;
    for (int step = 0; step < 200; ++step) {
      const auto pause = static_cast<std::int64_t>(
          random() % 3 == 0 ? random() % static_cast<unsigned>(2 * limit.period.count() + 1) : 0);
      bucket.Pass(pause);
      now += std::chrono::seconds(pause);
      const GcraAnswer answer = AskGcra(limit, empty_at, now);
      ASSERT_EQ(answer.allowed, bucket.Take()) << limit.ToString() << " step " << step;
      ASSERT_EQ(answer.remaining, bucket.remaining());
      ASSERT_GT(answer.next, 0us);
      ASSERT_LE(answer.next, limit.interval());
      if (answer.allowed) empty_at = answer.empty_at;
    }
  }
}

}  // namespace
}  // namespace scaleout::gateway
