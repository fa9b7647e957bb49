// One client's connection: bytes in, exchanges out, one at a time and in order; answers out, with
// timeouts.
//
// States: kHead (waiting for a request's head), kBody, kHandling (an exchange is out; pipelined
// bytes wait), kAnswering (its answer waits for the client to read), kLinger (the last answer is
// sent and our side is shut; input is thrown away until the client closes too, so that a reset does
// not destroy the answer on its way), kClosed. It knows no Pistache and no descriptor, so its tests
// need neither: Socket is the way out, the event loop calls the On functions. Loop thread only.
#ifndef SCALEOUT_GATEWAY_HTTP_HTTP_CONNECTION_H_
#define SCALEOUT_GATEWAY_HTTP_HTTP_CONNECTION_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "gateway/http/exchange.h"
#include "gateway/http/message.h"
#include "gateway/http/response_head.h"
#include "gateway/runtime/executor.h"

namespace scaleout::gateway {

struct ConnectionLimits {
  std::size_t head_bytes = 16 * 1024;
  std::int64_t body_bytes = 1024 * 1024;           // over every route's own limit
  std::chrono::milliseconds head_timeout{10'000};  // first byte to the end of the head
  std::chrono::milliseconds body_timeout{30'000};  // end of the head to the end of the body
  std::chrono::milliseconds idle_timeout{
      75'000};  // nothing going on; longer than nginx keeps its side
  std::chrono::milliseconds write_timeout{30'000};  // an answer that the client does not read
  std::chrono::milliseconds linger_timeout{1'000};
};

class Socket {
 public:
  virtual ~Socket() = default;
  // How many of `bytes` were taken, without blocking; fewer means that OnWritable will follow.
  // Negative: it is gone.
  virtual std::int64_t Send(std::string_view bytes) = 0;
  // No more bytes from our side.
  virtual void ShutDownWriting() = 0;
  // Ends the connection at the end of this turn of the loop.
  virtual void Close() = 0;
};

class HttpConnection {
 public:
  // All outlive the connection.
  HttpConnection(Socket& socket, Executor& loop, const Clock& clock, const ConnectionLimits& limits,
                 ResponseHeadWriter& head_writer, ExchangeHandler& handler);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void OnBytes(std::string_view bytes);
  void OnWritable();
  // The client is gone; nothing more is sent.
  void OnDisconnect();
  // Enforces the timeouts; call it a few times a second.
  void OnTick(MonotonicTime now);
  // The next answer is the last one.
  void EndAfterAnswer() { last_answer_ = true; }
  // Closes unless a request is on its way.
  void CloseIfIdle();

  // Sends the answer of `exchange`, which is the current one. Only its headers if the request was a
  // HEAD.
  void Finish(Exchange& exchange, const Response& response);

 private:
  enum class State { kHead, kBody, kHandling, kAnswering, kLinger, kClosed };

  void Advance();
  bool ReadHead();
  bool ReadBody();
  void Refuse(absl::Status refusal);
  void HandOver();
  void Send(std::string_view bytes);
  bool Flush();
  void AfterAnswer();
  void Abandon();
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
  std::string input_;
  std::size_t scanned_ = 0;  // of input_, looked at for the end of a head
  std::string output_;       // what the socket has not taken yet
  std::size_t output_sent_ = 0;
  std::unique_ptr<Exchange> incoming_;  // its body is being read
  Exchange* handling_ = nullptr;
  bool close_after_answer_ = false;
  bool last_answer_ = false;
  bool advancing_ = false;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_HTTP_CONNECTION_H_
