// A Redis of the test's own, with what a test of a StreamReader needs: a publisher's hand, readers
// that are consumers "a", "b" and so on of the group "g", and a look at what is pending. The server
// answers within every limit unless a test freezes it.
#ifndef SCALEOUT_TESTS_INTEGRATION_STREAM_READER_FIXTURE_H_
#define SCALEOUT_TESTS_INTEGRATION_STREAM_READER_FIXTURE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "redis/stream_reader.h"
#include "tests/integration/private_redis.h"

namespace scaleout {

class StreamReaderTest : public ::testing::Test {
 protected:
  // Of waits and of limits that a test does not let pass.
  static constexpr Duration kLong = std::chrono::seconds(60);
  static constexpr RedisClientOptions kPatient = {
      .connect_timeout = kLong, .command_timeout = kLong, .retry_pause = Duration::zero()};

  std::unique_ptr<StreamReader> Reader(const std::string& consumer,
                                       std::vector<std::string> streams = {"s"},
                                       const RedisClientOptions& options = kPatient) {
    return MakeRedisStreamReader(
        redis_.server(), options,
        {.streams = std::move(streams), .group = "g", .consumer = consumer}, SystemClock());
  }

  // Entry "NUMBER-0" with one field.
  void Add(const std::string& stream, int number, std::string_view value = "v") {
    redis_.Ask({"XADD", stream, std::to_string(number) + "-0", "field", value});
  }

  // "s/1-0 s/2-0", or the status.
  static std::string IdsOf(const absl::StatusOr<std::vector<StreamEntry>>& entries) {
    if (!entries.ok()) return entries.status().ToString();
    std::string text;
    for (const StreamEntry& entry : *entries) {
      text += (text.empty() ? "" : " ") + entry.stream + "/" + entry.id;
    }
    return text;
  }

  std::int64_t Pending(const std::string& stream) {
    return redis_.Ask({"XPENDING", stream, "g"}).at(0).integer();
  }

  int BlockedClients() {
    const RedisReply reply = redis_.Ask({"INFO", "clients"});
    const std::string info(reply.text());
    const std::string name = "blocked_clients:";
    return std::stoi(info.substr(info.find(name) + name.size()));
  }

  testing::PrivateRedis redis_;
};

}  // namespace scaleout

#endif  // SCALEOUT_TESTS_INTEGRATION_STREAM_READER_FIXTURE_H_
