// The open connections of one event loop: each a peer of the loop, with its HTTP side.
//
// What a client can make the loop do in one turn is bounded. A connection is read at most
// kReadBytesPerTurn and begins at most kRequestsPerTurn requests, in kTimePerTurn; what is left
// waits for a later turn, in a queue of connections of which a turn serves kQueuedPerTurn, for
// kQueueTimePerTurn but at least one, so that the length of a turn does not grow with the number of
// clients that send without end. A connection that has no room for more input
// (HttpConnection::Room) is not read at all until it has: what its client sends stays in the
// kernel. That the client of such a connection has left is seen all the same, when the kernel
// reports it.
//
// What is answered while it is read is not sent at once but at the end of the turn, or together
// with the answers to kAnswersTogether connections: reading, answering and sending, each done for
// many connections in a row, cost less than taking turns, because each finds its code in the caches
// and a client that waits is woken once for several answers.
//
// A connection is closed at the end of the turn in which that was asked for. Loop thread only, but
// for size().
#ifndef SCALEOUT_GATEWAY_HTTP_CONNECTION_TABLE_H_
#define SCALEOUT_GATEWAY_HTTP_CONNECTION_TABLE_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "gateway/http/exchange.h"
#include "gateway/http/http_connection.h"
#include "gateway/http/response_head.h"
#include "gateway/runtime/event_loop.h"
#include "gateway/runtime/member_job.h"

namespace scaleout::gateway {

inline constexpr std::size_t kReadBytesPerTurn = 64 * 1024;
// Connections that go on in a turn because an earlier one left them with work.
inline constexpr std::size_t kQueuedPerTurn = 64;
// After so long in a turn no further one of them goes on.
inline constexpr Duration kQueueTimePerTurn = std::chrono::milliseconds(10);
// Connections whose answers are sent together, before the end of the turn.
inline constexpr std::size_t kAnswersTogether = 16;

class ConnectionTable {
 public:
  // `on_close` is called after a connection has left the table. All references outlive the table,
  // and the table the loop's last turn.
  ConnectionTable(EventLoop& loop, const Clock& clock, const ConnectionLimits& limits,
                  std::string instance_id, ExchangeHandler& handler,
                  std::function<void()> on_close);
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;
  // Drops the connections and cancels their requests. There should be none: what such a request
  // waits for does not come any more.
  ~ConnectionTable();

  // Takes over `fd`, a connected non-blocking socket.
  void Add(int fd);

  // From any thread.
  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

  // Enforces the timeouts; a few times a second.
  void CheckTimeouts(MonotonicTime now);
  // Every connection, also one that is yet to come, ends with its next answer.
  void EndAfterAnswers();
  // Closes connections on which no request is on its way.
  void CloseIdle();

 private:
  class Peer;

  // A descriptor with the number of its connection, because the kernel gives descriptors again.
  using Key = std::pair<int, std::uint64_t>;

  void TakeTurn(Peer& peer);
  void Read(Peer& peer);
  void Disconnect(Peer& peer);
  void Enqueue(Peer& peer);
  void RequestTurns();
  void PostTurns() { loop_.Post(take_turns_); }
  void TakeTurns();
  void CloseRequested();
  void FlushLater(Peer& peer);
  void FlushAtEnd();
  void Flush();
  Peer* Find(const Key& key) const;
  void Remove(int fd);

  EventLoop& loop_;
  const Clock& clock_;
  const ConnectionLimits limits_;
  ExchangeHandler& handler_;
  const std::function<void()> on_close_;
  ResponseHeadWriter head_writer_;
  bool draining_ = false;
  std::uint64_t next_number_ = 1;
  std::unordered_map<int, std::unique_ptr<Peer>> peers_;
  std::atomic<std::size_t> size_{0};
  std::deque<Key> queue_;  // with work left, for a later turn
  bool turns_requested_ = false;
  std::vector<Key> to_close_;
  std::vector<Key> to_flush_;  // with answers that are not sent yet
  bool flush_deferred_ = false;
  MemberJob<ConnectionTable> take_turns_{*this, &ConnectionTable::TakeTurns};
  MemberJob<ConnectionTable> post_turns_{*this, &ConnectionTable::PostTurns};
  MemberJob<ConnectionTable> flush_at_end_{*this, &ConnectionTable::FlushAtEnd};
  MemberJob<ConnectionTable> close_requested_{*this, &ConnectionTable::CloseRequested};
  std::array<char, 16 * 1024> buffer_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_CONNECTION_TABLE_H_
