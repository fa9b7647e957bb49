// One client's connection: bytes in, answers out, one request at a time and in order, with
// timeouts.
//
// Each request is one coroutine: it starts when the head is complete, holds the exchange, awaits
// the handler's Serve and writes the answer. It shares the ownership of the connection, so a
// connection whose client has left lives, closed, until its last request has ended.
//
// States: kHead (waiting for a request's head), kDiscard (throwing away the body of a refused
// request before that), kHandling (Serve is at work; pipelined bytes wait),
// kBody (Serve waits for the body), kAnswering (the answer waits for the client to read), kLinger
// (the last answer is sent and our side is shut; input is thrown away until the client closes too,
// so that a reset does not destroy the answer on its way), kClosed.
//
// A request that is refused by its head alone is answered before its body has come. The body is
// then thrown away, up to `discard_bytes`, so that the connection can go on; it is closed where the
// body is longer, or may not come at all because the client waits for a 100 Continue.
//
// A client that pipelines shares the loop with all others: a connection begins at most
// kRequestsPerTurn requests in a turn of the loop, and none but the first after kTimePerTurn; then
// it asks its socket for another turn. While a request is at work or its answer is not sent, at
// most `head_bytes` of what follows are taken (Room); the rest stays in the kernel, which stops the
// client.
//
// It knows no descriptor: Socket is the way out, and the loop's side calls the On functions. Loop
// thread only.
#ifndef SCALEOUT_GATEWAY_HTTP_HTTP_CONNECTION_H_
#define SCALEOUT_GATEWAY_HTTP_HTTP_CONNECTION_H_

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/ip_address.h"
#include "gateway/http/exchange.h"
#include "gateway/http/input_buffer.h"
#include "gateway/http/message.h"
#include "gateway/http/response_head.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

// Requests that a connection begins in one turn of the loop. At 10 us for a small one, a hundred
// clients that pipeline without end make turns of 16 ms.
inline constexpr int kRequestsPerTurn = 16;
// After so long in a turn it begins no further request: some cost a hundred times as much.
inline constexpr Duration kTimePerTurn = std::chrono::milliseconds(1);

struct ConnectionLimits {
  std::size_t head_bytes = 16 * 1024;
  std::size_t discard_bytes = 64 * 1024;            // body of a refused request, read to go on
  std::chrono::milliseconds head_timeout{10'000};   // first byte to the end of the head
  std::chrono::milliseconds body_timeout{30'000};   // end of the head to the end of the body
  std::chrono::milliseconds idle_timeout{75'000};   // nothing goes on; longer than nginx's own
  std::chrono::milliseconds write_timeout{30'000};  // in which a client takes progress_bytes
  std::size_t progress_bytes = 64 * 1024;           // or the rest of its answer, if that is less
  std::chrono::milliseconds linger_timeout{1'000};
};

class Socket {
 public:
  virtual ~Socket() = default;
  // How many of `bytes` were taken, without blocking; fewer means that OnWritable will follow.
  // Negative: it is gone.
  virtual std::int64_t Send(std::string_view bytes) = 0;
  // Its other end; nothing for a Unix socket.
  virtual std::optional<IpAddress> PeerAddress() const { return std::nullopt; }
  // Whether it calls FlushAnswers, at the end of this turn of the loop at the latest. If not, the
  // connection sends its answers by itself.
  virtual bool WillFlush() { return false; }
  // No more bytes from our side.
  virtual void ShutDownWriting() = 0;
  // Calls BeginTurn in a later turn of the loop, then reads on. Asking again before that changes
  // nothing.
  virtual void RequestTurn() = 0;
  // Ends the connection at the end of this turn of the loop.
  virtual void Close() = 0;
};

class HttpConnection final : public std::enable_shared_from_this<HttpConnection>,
                             private BodySource {
 public:
  // All outlive the connection's last turn, but for `socket`: it is not touched once the connection
  // is closed.
  // Owned by a shared_ptr from its first byte on.
  HttpConnection(Socket& socket, Executor& loop, const Clock& clock, const ConnectionLimits& limits,
                 ResponseHeadWriter& head_writer, ExchangeHandler& handler);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Begins a turn: requests that wait in the buffer are served, as far as the turn's budget goes.
  void BeginTurn();
  // How many bytes OnBytes may be given now. After 0 the socket's RequestTurn is called as soon as
  // there is room again.
  std::size_t Room();
  // Whether it has no room because of the request at work or its answer, which may take any time.
  bool IsBusy() const { return state_ == State::kHandling || state_ == State::kAnswering; }
  // Bytes from the client; more than Room() are taken, too, but not asked for.
  void OnBytes(std::string_view bytes);
  // Sends the answers that wait for the end of the turn.
  void FlushAnswers();
  void OnWritable();
  // The client is gone, or the socket is about to be: nothing more is sent, and the request at work
  // is cancelled.
  void OnDisconnect();
  // Enforces the timeouts; call it a few times a second.
  void OnTick(MonotonicTime now);
  // The next answer is the last one.
  void EndAfterAnswer() { last_answer_ = true; }
  // Closes unless a request is on its way.
  void CloseIfIdle();
  // What its buffers have allocated.
  std::size_t buffer_bytes() const { return input_.capacity() + output_.capacity(); }

 private:
  enum class State { kHead, kDiscard, kBody, kHandling, kAnswering, kLinger, kClosed };

  void Advance();
  bool MayBeginRequest();
  void ReadOn();
  bool TakeHead();
  bool TakeBody();
  bool DiscardBody();
  void StartRequest(std::string head, absl::Status refusal);
  DetachedTask HandleRequest(std::shared_ptr<HttpConnection> self, std::string head,
                             absl::Status refusal);
  bool StartReading(Exchange& exchange, std::int64_t limit,
                    std::coroutine_handle<> reader) override;
  void EndReading(absl::Status status);
  void Refuse(absl::Status refusal);
  void Answer(const Exchange& exchange, const Response& response);
  void Send(std::string_view bytes);
  bool Flush();
  bool WriteIsStuck(MonotonicTime now);
  void AfterAnswer();
  void Close();
  void EnterState(State state);

  Socket& socket_;
  Executor& loop_;
  const Clock& clock_;
  const ConnectionLimits& limits_;
  ResponseHeadWriter& head_writer_;
  ExchangeHandler& handler_;

  State state_ = State::kHead;
  MonotonicTime state_since_;
  MonotonicTime last_read_;
  InputBuffer input_;
  std::size_t scanned_ = 0;  // of input_, looked at for the end of a head
  std::string output_;       // what the socket has not taken yet, after output_sent_ bytes
  std::size_t output_sent_ = 0;
  bool write_waits_ = false;        // for OnWritable
  MonotonicTime write_since_;       // the start of the current write_timeout
  std::size_t write_progress_ = 0;  // bytes sent in it
  std::size_t unread_body_ = 0;     // of the current request, or of the one answered last
  Exchange* current_ = nullptr;     // in the frame of the request's coroutine
  std::coroutine_handle<> body_reader_;
  bool close_after_answer_ = false;
  bool last_answer_ = false;
  bool advancing_ = false;
  MonotonicTime turn_began_;
  int requests_left_ = kRequestsPerTurn;  // of this turn's budget
  bool flush_due_ = false;                // output_ was not offered to the socket yet
  bool out_of_room_ = false;              // RequestTurn is owed once there is room
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_HTTP_CONNECTION_H_
