// A Redis server for a thread that may wait: one command after the other, each with a deadline.
//
// It connects with its first command, and after a connection has broken with the next one, at most
// once in a retry pause: within it, commands fail at once. A command whose connection breaks is not
// sent again, because it may have been carried out; the caller knows whether it may. Not
// thread-safe: one client for each thread.
#ifndef SCALEOUT_REDIS_REDIS_CLIENT_H_
#define SCALEOUT_REDIS_REDIS_CLIENT_H_

#include <chrono>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "redis/redis_address.h"
#include "redis/redis_reply.h"
#include "redis/redis_script.h"

namespace scaleout {

struct RedisClientOptions {
  Duration connect_timeout = std::chrono::seconds(1);  // each: the connection, and the password
  Duration command_timeout = std::chrono::seconds(1);
  Duration retry_pause = std::chrono::milliseconds(500);
};

class RedisClient {
 public:
  // `clock` outlives the client.
  RedisClient(const RedisServer& server, const RedisClientOptions& options, const Clock& clock);
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;
  ~RedisClient();

  // The reply, which is not an error; DEADLINE_EXCEEDED or UNAVAILABLE if there is none, and the
  // connection is given up then; else RedisValue::status().
  absl::StatusOr<RedisReply> Ask(std::span<const std::string_view> arguments);
  absl::StatusOr<RedisReply> Ask(std::initializer_list<std::string_view> arguments) {
    return Ask(std::span(arguments.begin(), arguments.size()));
  }
  absl::StatusOr<RedisReply> Run(const RedisScript& script, std::span<const std::string_view> keys,
                                 std::span<const std::string_view> arguments);

  bool connected() const;

 private:
  class Connection;

  absl::Status Connect();

  const RedisServer server_;
  const RedisClientOptions options_;
  const Clock& clock_;
  std::unique_ptr<Connection> connection_;
  MonotonicTime next_try_;
};

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_REDIS_CLIENT_H_
