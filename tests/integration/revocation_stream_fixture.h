// A Redis of the test's own, with what a test of the stream of revocations needs: a publisher, a
// reader and its position. The server answers within every limit unless a test freezes it.
#ifndef SCALEOUT_TESTS_INTEGRATION_REVOCATION_STREAM_FIXTURE_H_
#define SCALEOUT_TESTS_INTEGRATION_REVOCATION_STREAM_FIXTURE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "redis/revocation_publisher.h"
#include "redis/revocation_reader.h"
#include "tests/integration/private_redis.h"

namespace scaleout {

class RevocationStreamTest : public ::testing::Test {
 protected:
  static constexpr Duration kLong = std::chrono::seconds(60);
  static constexpr RedisClientOptions kPatient = {
      .connect_timeout = kLong, .command_timeout = kLong, .retry_pause = Duration::zero()};
  static constexpr RedisClientOptions kImpatient = {
      .connect_timeout = std::chrono::milliseconds(50),
      .command_timeout = std::chrono::milliseconds(50),
      .retry_pause = Duration::zero()};

  static std::unique_ptr<RevocationPublisher> Publisher(const testing::PrivateRedis& redis,
                                                        RevocationPublisherOptions options = {
                                                            .client = kPatient}) {
    return MakeRedisRevocationPublisher(redis.server(), options, SystemClock());
  }
  static std::unique_ptr<RevocationReader> Reader(const testing::PrivateRedis& redis,
                                                  const RedisClientOptions& options = kPatient) {
    return MakeRedisRevocationReader(redis.server(), options, SystemClock());
  }

  // The incarnation; "" if it could not be published.
  std::string Publish(const std::vector<std::string>& ids) {
    const auto incarnation = publisher_->Publish(ids);
    EXPECT_TRUE(incarnation.ok()) << incarnation.status();
    return incarnation.ok() ? *incarnation : "";
  }

  void Begin() {
    const auto begun = reader_->Begin();
    ASSERT_TRUE(begun.ok()) << begun.status();
    position_ = *begun;
  }

  // "a b", "a b ..." where there may be more, or the code of the status.
  std::string Read(int limit = 1000) {
    const auto batch = reader_->Read(position_, limit);
    if (!batch.ok()) return absl::StatusCodeToString(batch.status().code());
    std::string text;
    for (const std::string& id : batch->session_ids) text += (text.empty() ? "" : " ") + id;
    return batch->complete ? text : text + " ...";
  }

  std::int64_t Length() { return redis_.Ask({"XLEN", "revocations"}).integer(); }

  testing::PrivateRedis redis_;
  std::unique_ptr<RevocationPublisher> publisher_ = Publisher(redis_);
  std::unique_ptr<RevocationReader> reader_ = Reader(redis_);
  RevocationPosition position_;
};

}  // namespace scaleout

#endif  // SCALEOUT_TESTS_INTEGRATION_REVOCATION_STREAM_FIXTURE_H_
