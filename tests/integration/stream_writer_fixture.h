// A Redis of the test's own, with what a test of a StreamWriter needs: a writer of the stream "s",
// the hands of its groups' consumers, and a look at its entries. The server answers within every
// limit unless a test freezes it.
#ifndef SCALEOUT_TESTS_INTEGRATION_STREAM_WRITER_FIXTURE_H_
#define SCALEOUT_TESTS_INTEGRATION_STREAM_WRITER_FIXTURE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "redis/stream_writer.h"
#include "tests/integration/private_redis.h"

namespace scaleout {

class StreamWriterTest : public ::testing::Test {
 protected:
  static constexpr Duration kLong = std::chrono::seconds(60);
  static constexpr RedisClientOptions kPatient = {
      .connect_timeout = kLong, .command_timeout = kLong, .retry_pause = Duration::zero()};
  static constexpr std::int64_t kRoom = 1000;

  static std::unique_ptr<StreamWriter> Writer(const testing::PrivateRedis& redis,
                                              const RedisClientOptions& options = kPatient) {
    return MakeRedisStreamWriter(redis.server(), options, SystemClock());
  }

  // Begins "s" with `groups`.
  void Begin(std::vector<std::string> groups = {"a", "b"}) {
    groups_ = std::move(groups);
    const auto incarnation = writer_->Begin("s", groups_);
    ASSERT_TRUE(incarnation.ok()) << incarnation.status();
    incarnation_ = *incarnation;
  }

  // "done 7": the verdict and the last number; or the status.
  std::string Append(const std::vector<std::int64_t>& numbers, std::int64_t max_length = kRoom) {
    std::vector<NumberedEntry> entries;
    for (const std::int64_t number : numbers) {
      entries.push_back({number, {{"n", std::to_string(number)}, {"text", "v"}}});
    }
    const auto answer = writer_->Append("s", incarnation_, max_length, entries);
    if (!answer.ok()) return answer.status().ToString();
    return Name(answer->verdict) + " " + std::to_string(answer->last_number);
  }

  // "done 7 2": the verdict, up to which number all is acknowledged, and how many are left.
  std::string Trim() {
    const auto answer = writer_->TrimAcknowledged("s", incarnation_, groups_);
    if (!answer.ok()) return answer.status().ToString();
    return Name(answer->verdict) + " " + std::to_string(answer->acknowledged) + " " +
           std::to_string(answer->length);
  }

  static std::string Name(StreamVerdict verdict) {
    switch (verdict) {
      case StreamVerdict::kDone:
        return "done";
      case StreamVerdict::kOtherIncarnation:
        return "other";
      case StreamVerdict::kFull:
        return "full";
      case StreamVerdict::kNumberTooLow:
        return "low";
    }
    return "";
  }

  void Read(std::string_view group, int count) {
    redis_.Ask(
        {"XREADGROUP", "GROUP", group, "c", "COUNT", std::to_string(count), "STREAMS", "s", ">"});
  }
  void Acknowledge(std::string_view group, int number) {
    redis_.Ask({"XACK", "s", group, std::to_string(number) + "-0"});
  }
  // All that there is.
  void Handle(std::string_view group) {
    Read(group, 1000);
    const RedisReply entries = redis_.Ask({"XRANGE", "s", "-", "+"});
    for (std::size_t i = 0; i < entries.size(); ++i) {
      redis_.Ask({"XACK", "s", group, entries.at(i).at(0).text()});
    }
  }
  // "1-0 2-0"
  std::string Ids() {
    const RedisReply entries = redis_.Ask({"XRANGE", "s", "-", "+"});
    std::string ids;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      ids += (i == 0 ? "" : " ") + std::string(entries.at(i).at(0).text());
    }
    return ids;
  }

  testing::PrivateRedis redis_;
  std::unique_ptr<StreamWriter> writer_ = Writer(redis_);
  std::vector<std::string> groups_;
  std::string incarnation_;
};

}  // namespace scaleout

#endif  // SCALEOUT_TESTS_INTEGRATION_STREAM_WRITER_FIXTURE_H_
