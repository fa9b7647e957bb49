// The open connections of one event loop: each a peer of the loop, with its HTTP side.
//
// Reads are bounded: a connection is read at most kReadBytesPerTurn in a turn, so that a client
// that sends without end shares the loop with all others; what is left is read in the next turn. A
// connection is closed at the end of the turn in which that was asked for. Loop thread only, but
// for size().
#ifndef SCALEOUT_GATEWAY_HTTP_CONNECTION_TABLE_H_
#define SCALEOUT_GATEWAY_HTTP_CONNECTION_TABLE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
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

namespace scaleout::gateway {

inline constexpr std::size_t kReadBytesPerTurn = 64 * 1024;

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

  // What a member function does, as a job.
  class Action final : public Job {
   public:
    Action(ConnectionTable& table, void (ConnectionTable::*what)()) : table_(table), what_(what) {}
    void Run() override { (table_.*what_)(); }

   private:
    ConnectionTable& table_;
    void (ConnectionTable::*const what_)();
  };

  // A descriptor with the number of its connection, because the kernel gives descriptors again.
  using Key = std::pair<int, std::uint64_t>;

  void Read(Peer& peer);
  void ReadUnfinished();
  void ReadInNextTurn() { loop_.Post(read_unfinished_); }
  void CloseRequested();
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
  std::vector<Key> unfinished_;  // with bytes left, to be read in the next turn
  std::vector<Key> to_close_;
  Action read_unfinished_{*this, &ConnectionTable::ReadUnfinished};
  Action read_in_next_turn_{*this, &ConnectionTable::ReadInNextTurn};
  Action close_requested_{*this, &ConnectionTable::CloseRequested};
  std::array<char, 16 * 1024> buffer_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_CONNECTION_TABLE_H_
