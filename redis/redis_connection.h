// One connection to a Redis server that never blocks and has no thread, timer or loop: its owner
// watches the descriptor, says when to read and to write, and matches replies to commands, which
// come in the commands' order.
//
//   connection->Append({"GET", key});      // as often as there is something to ask
//   connection->Flush();                   // once a turn: one write for all of them
//   connection->Receive();                 // when the descriptor is readable
//   connection->TakeReply();               // until there is none
//
// A status that is not OK ends the connection: it is to be destroyed. A connection that breaks
// raises no SIGPIPE. RESP2; replies are read by hiredis's parser, within the limits below.
// Not thread-safe.
#ifndef SCALEOUT_REDIS_REDIS_CONNECTION_H_
#define SCALEOUT_REDIS_REDIS_CONNECTION_H_

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "redis/redis_address.h"
#include "redis/redis_reply.h"

struct redisReader;

namespace scaleout {

class RedisConnection {
 public:
  // A reply that is larger ends the connection: the bytes of the whole of it, those of a line (a
  // length, a number, a simple string), the elements of one array, and how deep arrays are nested.
  static constexpr std::size_t kMaxReplyBytes = std::size_t{16} << 20;
  static constexpr std::size_t kMaxLineBytes = std::size_t{64} << 10;
  static constexpr std::size_t kMaxArrayElements = std::size_t{1} << 20;
  static constexpr int kMaxArrayDepth = 7;

  // Begins to connect; UNAVAILABLE if that fails at once. `address` has no host name
  // (RedisResolver). Connected, or not to be, when the descriptor is writable: Flush says which.
  static absl::StatusOr<std::unique_ptr<RedisConnection>> Connect(const RedisAddress& address);

  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;
  ~RedisConnection();

  int fd() const { return fd_; }

  // Adds a command to what is to be sent. Arguments may hold any bytes.
  void Append(std::span<const std::string_view> arguments);
  void Append(std::initializer_list<std::string_view> arguments) {
    Append(std::span(arguments.begin(), arguments.size()));
  }
  // What waits to be sent, in bytes.
  std::size_t unsent() const { return unsent_.size() - sent_; }
  // Sends what the socket takes now; unsent() tells whether that was all. UNAVAILABLE: broken, or
  // could not be made.
  absl::Status Flush();

  // Reads what has arrived, at most 16 KiB a call. UNAVAILABLE: broken, or closed by the server;
  // what came before can still be taken.
  absl::Status Receive();
  // The next whole reply of what was read; nothing if there is none. INTERNAL: it is no RESP, or
  // beyond a limit.
  absl::StatusOr<std::optional<RedisReply>> TakeReply();
  // Bytes that were received since the last whole reply.
  std::size_t partial_bytes() const { return partial_bytes_; }

 private:
  struct FreeReader {
    void operator()(redisReader* reader) const;
  };

  RedisConnection(int fd, bool connecting);

  absl::Status FinishConnecting();
  bool HasOverlongLine() const;

  const int fd_;
  bool connecting_;
  // What to send, and how much of it has been sent.
  std::string unsent_;
  std::size_t sent_ = 0;
  std::unique_ptr<redisReader, FreeReader> reader_;
  std::size_t partial_bytes_ = 0;
};

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_REDIS_CONNECTION_H_
