// One connection to a Redis server that never blocks and has no thread, timer or loop: its owner
// watches the descriptor, says when to read and to write, and matches replies to commands, which
// come in the commands' order.
//
//   connection->Append({"GET", key});      // as often as there is something to ask
//   connection->Flush();                   // once a turn: one write for all of them
//   connection->Receive();                 // when the descriptor is readable
//   connection->TakeReply();                // until there is none
//
// A status that is not OK ends the connection: it is to be destroyed. RESP2, through hiredis.
// Not thread-safe.
#ifndef SCALEOUT_REDIS_REDIS_CONNECTION_H_
#define SCALEOUT_REDIS_REDIS_CONNECTION_H_

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "redis/redis_address.h"
#include "redis/redis_reply.h"

struct redisContext;

namespace scaleout {

class RedisConnection {
 public:
  // Begins to connect; UNAVAILABLE if that fails at once. `address` has no host name
  // (RedisResolver). Connected, or not to be, when the descriptor is writable: Flush says which.
  static absl::StatusOr<std::unique_ptr<RedisConnection>> Connect(const RedisAddress& address);

  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;
  ~RedisConnection() = default;

  int fd() const;

  // Adds a command to what is to be sent. Arguments may hold any bytes.
  void Append(std::span<const std::string_view> arguments);
  void Append(std::initializer_list<std::string_view> arguments) {
    Append(std::span(arguments.begin(), arguments.size()));
  }
  // What waits to be sent, in bytes.
  std::size_t unsent() const;
  // Sends what the socket takes now; unsent() tells whether that was all. UNAVAILABLE: broken.
  absl::Status Flush();

  // Reads what has arrived, at most 16 KiB a call. UNAVAILABLE: broken, or closed by the server.
  absl::Status Receive();
  // The next whole reply of what was read; nothing if there is none. INTERNAL: it is no RESP.
  absl::StatusOr<std::optional<RedisReply>> TakeReply();

 private:
  struct Free {
    void operator()(redisContext* context) const;
  };
  explicit RedisConnection(redisContext* context);

  std::unique_ptr<redisContext, Free> context_;
};

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_REDIS_CONNECTION_H_
