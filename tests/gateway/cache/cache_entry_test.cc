#include "gateway/cache/cache_entry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

const CacheTimes kTimes{WallTime(milliseconds(1'700'000'000'123)),
                        WallTime(milliseconds(1'700'000'030'456)),
                        WallTime(milliseconds(1'700'000'090'789))};

TEST(CacheEntryTest, IsReadAsItWasWritten) {
  const std::string payload("any\0bytes\xFF", 10);
  const std::string bytes = EncodeCacheEntry(kTimes, false, {"12345678", "abcdefgh"}, payload);
  const std::optional<CacheEntry> entry = DecodeCacheEntry(bytes);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->times.stored, kTimes.stored);
  EXPECT_EQ(entry->times.fresh_until, kTimes.fresh_until);
  EXPECT_EQ(entry->times.stale_until, kTimes.stale_until);
  EXPECT_FALSE(entry->negative);
  EXPECT_THAT(entry->tokens, ElementsAre("12345678", "abcdefgh"));
  EXPECT_EQ(entry->payload, payload);
}

TEST(CacheEntryTest, MayBeEmptyAndNegative) {
  const std::string bytes = EncodeCacheEntry(kTimes, true, {}, "");
  const std::optional<CacheEntry> entry = DecodeCacheEntry(bytes);
  ASSERT_TRUE(entry);
  EXPECT_TRUE(entry->negative);
  EXPECT_TRUE(entry->tokens.empty());
  EXPECT_EQ(entry->payload, "");
}

TEST(CacheEntryTest, WhatIsCutOffBeforeItsPayloadIsNone) {
  const std::string bytes = EncodeCacheEntry(kTimes, false, {"12345678", "abcdefgh"}, "");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeCacheEntry(std::string_view(bytes).substr(0, size))) << size;
  }
  EXPECT_TRUE(DecodeCacheEntry(bytes));
}

TEST(CacheEntryTest, AnotherVersionIsNone) {
  std::string bytes = EncodeCacheEntry(kTimes, false, {}, "payload");
  bytes.front() = '2';
  EXPECT_FALSE(DecodeCacheEntry(bytes));
}

TEST(CacheEntryTest, ANegativePayloadHasTheStatusWithItsReason) {
  const absl::Status status =
      WithReason(absl::NotFoundError("There is no user 7."), "USER_NOT_FOUND", {{"id", "7"}});
  const absl::Status read = StatusOfNegative(NegativePayload(status));
  EXPECT_EQ(read.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(read.message(), "There is no user 7.");
  EXPECT_EQ(ReasonOf(read), "USER_NOT_FOUND");
  EXPECT_EQ(MetadataOf(read), MetadataOf(status));
}

TEST(CacheEntryTest, ANegativePayloadThatIsCutOffIsNotFoundStill) {
  const std::string payload = NegativePayload(absl::NotFoundError("There is no user 7."));
  for (std::size_t size = 0; size < payload.size(); ++size) {
    EXPECT_EQ(StatusOfNegative(payload.substr(0, size)).code(), absl::StatusCode::kNotFound);
  }
}

}  // namespace
}  // namespace scaleout::gateway
