// A Redis server for a thread that may wait: one command after the other, each with a deadline.
//
// It connects with its first command, and after a connection has broken with the next one, at most
// once in a retry pause: within it, commands fail at once. A connection that the server has closed
// since the last command is replaced before the next one is sent. A command whose connection breaks
// is not sent again, because it may have been carried out; the caller knows whether it may. A host
// name is looked up for each connection, which the limits below do not bound (RedisResolver). Not
// thread-safe: one client for each thread.
#ifndef SCALEOUT_REDIS_REDIS_CLIENT_H_
#define SCALEOUT_REDIS_REDIS_CLIENT_H_

#include <chrono>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "redis/redis_address.h"
#include "redis/redis_connection.h"
#include "redis/redis_reply.h"
#include "redis/redis_script.h"

namespace scaleout {

struct RedisClientOptions {
  Duration connect_timeout = std::chrono::seconds(1);  // each: the connection, and the password
  Duration command_timeout = std::chrono::seconds(1);  // from sending it to the whole reply
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
  absl::StatusOr<RedisReply> Ask(std::span<const std::string_view> arguments) {
    return Ask(arguments, options_.command_timeout);
  }
  // A command that the server itself may hold back: `timeout` in place of command_timeout.
  absl::StatusOr<RedisReply> Ask(std::span<const std::string_view> arguments, Duration timeout);
  absl::StatusOr<RedisReply> Ask(std::initializer_list<std::string_view> arguments) {
    return Ask(std::span(arguments.begin(), arguments.size()));
  }
  // By its hash, and by its text if the server does not know it.
  absl::StatusOr<RedisReply> Run(const RedisScript& script, std::span<const std::string_view> keys,
                                 std::span<const std::string_view> arguments);

  bool connected() const { return connection_ != nullptr; }

 private:
  absl::Status Connect();
  absl::Status Authenticate();
  void DropConnectionThatWasClosed();
  // Sends it and waits for the reply, which may be an error. If there is none the connection is
  // given up.
  absl::StatusOr<RedisReply> Exchange(std::span<const std::string_view> arguments,
                                      Duration timeout);
  absl::StatusOr<RedisReply> WaitForReply(MonotonicTime deadline);
  // Until the connection is ready for one of the events of poll().
  absl::Status WaitFor(short events, MonotonicTime deadline) const;

  const RedisServer server_;
  const RedisClientOptions options_;
  const Clock& clock_;
  std::unique_ptr<RedisConnection> connection_;  // null: none
  MonotonicTime next_try_;
};

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_REDIS_CLIENT_H_
