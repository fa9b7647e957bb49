#include "gateway/http/http_connection.h"

#include <algorithm>
#include <utility>

#include "gateway/http/problem.h"

namespace scaleout::gateway {
namespace {

constexpr std::string_view kEndOfHead = "\r\n\r\n";
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

HttpConnection::HttpConnection(Socket& socket, Executor& loop, const Clock& clock,
                               const ConnectionLimits& limits, ResponseHeadWriter& head_writer,
                               ExchangeHandler& handler)
    : socket_(socket),
      loop_(loop),
      clock_(clock),
      limits_(limits),
      head_writer_(head_writer),
      handler_(handler),
      state_since_(clock.Now()) {}

HttpConnection::~HttpConnection() { Abandon(); }

void HttpConnection::OnBytes(std::string_view bytes) {
  if (state_ == State::kLinger || state_ == State::kClosed) return;
  if (state_ == State::kHead && input_.empty()) state_since_ = clock_.Now();
  // Only a client that pipelines gets this far ahead; it has to repeat what is dropped here.
  const std::size_t most = limits_.head_bytes + static_cast<std::size_t>(limits_.body_bytes);
  const bool busy = state_ == State::kHandling || state_ == State::kAnswering;
  if (busy && input_.size() + bytes.size() > most) {
    close_after_answer_ = true;
    input_.clear();
    return;
  }
  input_.append(bytes);
  Advance();
}

void HttpConnection::OnWritable() {
  if (Flush() && state_ == State::kAnswering) AfterAnswer();
}

void HttpConnection::OnDisconnect() {
  Abandon();
  EnterState(State::kClosed);
}

void HttpConnection::OnTick(MonotonicTime now) {
  const Duration spent = now - state_since_;
  if (!output_.empty()) {
    if (spent > limits_.write_timeout) Close();
    return;
  }
  switch (state_) {
    case State::kHead:
      if (input_.empty() ? spent > limits_.idle_timeout : spent > limits_.head_timeout) {
        if (input_.empty()) return Close();
        Refuse(HttpError(408, "The head of the request took too long."));
      }
      return;
    case State::kBody:
      if (spent > limits_.body_timeout)
        Refuse(HttpError(408, "The body of the request took too long."));
      return;
    case State::kHandling:
    case State::kAnswering:
      return;  // the handler has a deadline, the answer the write timeout
    case State::kLinger:
      if (spent > limits_.linger_timeout) Close();
      return;
    case State::kClosed:
      return;
  }
}

void HttpConnection::CloseIfIdle() {
  if (state_ == State::kHead && input_.empty()) Close();
}

// One request after the other, as far as the input goes. A handler may answer from inside HandOver,
// which calls back here; that inner call leaves the work to this loop.
void HttpConnection::Advance() {
  if (std::exchange(advancing_, true)) return;
  for (bool progress = true; progress;) {
    progress = (state_ == State::kHead && ReadHead()) || (state_ == State::kBody && ReadBody());
  }
  advancing_ = false;
}

bool HttpConnection::ReadHead() {
  // An empty line before the request line is a habit of old clients (RFC 9112, section 2.2).
  if (scanned_ == 0 && input_.starts_with("\r\n")) input_.erase(0, 2);
  if (input_.empty()) return false;
  const std::size_t from = scanned_ < kEndOfHead.size() ? 0 : scanned_ - kEndOfHead.size() + 1;
  const std::size_t end = input_.find(kEndOfHead, from);
  const std::size_t size = end == std::string::npos ? input_.size() : end + kEndOfHead.size();
  if (size > limits_.head_bytes) {
    Refuse(HttpError(431, "The head of the request is too large."));
    return true;
  }
  if (end == std::string::npos) {
    if (CanBecomeHead(input_)) {
      scanned_ = input_.size();
      return false;
    }
    Refuse(HttpError(400, "That is not an HTTP request."));
    return true;
  }

  incoming_ = std::make_unique<Exchange>(loop_, clock_);
  incoming_->started = state_since_;
  incoming_->request.head.assign(input_, 0, size);
  input_.erase(0, size);
  scanned_ = 0;
  absl::StatusOr<Framing> framing = ParseHead(incoming_->request);
  if (!framing.ok()) {
    Refuse(framing.status());
    return true;
  }
  incoming_->framing = *framing;
  const std::int64_t body_limit = std::min(handler_.Examine(*incoming_), limits_.body_bytes);
  if (framing->content_length > body_limit) {
    Refuse(!incoming_->refusal.ok() ? incoming_->refusal
           : body_limit == 0        ? HttpError(413, "This route takes no body.")
                                    : HttpError(413, "The body of the request is too large."));
    return true;
  }
  const bool waits = framing->expects_continue &&
                     static_cast<std::int64_t>(input_.size()) < framing->content_length;
  if (waits && incoming_->refusal.ok()) Send(kContinue);
  EnterState(State::kBody);
  return true;
}

bool HttpConnection::ReadBody() {
  const auto length = static_cast<std::size_t>(incoming_->framing.content_length);
  if (input_.size() < length) return false;
  incoming_->request.body.assign(input_, 0, length);
  input_.erase(0, length);
  HandOver();
  return true;
}

// For errors after which nobody can say where the next request would begin.
void HttpConnection::Refuse(absl::Status refusal) {
  if (!incoming_) {
    incoming_ = std::make_unique<Exchange>(loop_, clock_);
    incoming_->started = state_since_;
  }
  incoming_->refusal = std::move(refusal);
  close_after_answer_ = true;
  input_.clear();
  HandOver();
}

void HttpConnection::HandOver() {
  close_after_answer_ |= !incoming_->framing.keep_alive;
  incoming_->connection = this;
  handling_ = incoming_.get();
  EnterState(State::kHandling);
  handler_.Handle(std::move(incoming_));
}

void HttpConnection::Finish(Exchange& exchange, const Response& response) {
  const bool keep_alive = !close_after_answer_ && !last_answer_;
  std::string bytes;
  bytes.reserve(512 + response.body.size());
  head_writer_.Append(response, exchange.context.request_id, keep_alive, bytes);
  if (exchange.request.method != Method::kHead && response.status != 204 &&
      response.status != 304) {
    bytes.append(response.body);
  }
  close_after_answer_ = !keep_alive;
  exchange.connection = nullptr;
  handling_ = nullptr;
  EnterState(State::kAnswering);
  Send(bytes);
  if (state_ == State::kAnswering && output_.empty()) AfterAnswer();
}

void HttpConnection::Send(std::string_view bytes) {
  output_.append(bytes);
  Flush();
}

// True if nothing is left to send.
bool HttpConnection::Flush() {
  if (output_.empty()) return true;
  const std::int64_t sent = socket_.Send(std::string_view(output_).substr(output_sent_));
  if (sent < 0) {
    Close();
    return false;
  }
  if (sent > 0) state_since_ = clock_.Now();
  output_sent_ += static_cast<std::size_t>(sent);
  if (output_sent_ < output_.size()) return false;
  output_.clear();
  output_sent_ = 0;
  return true;
}

void HttpConnection::AfterAnswer() {
  if (close_after_answer_) {
    socket_.ShutDownWriting();
    EnterState(State::kLinger);
    return;
  }
  EnterState(State::kHead);
  Advance();
}

// The exchange goes on without us.
void HttpConnection::Abandon() {
  if (handling_ == nullptr) return;
  handling_->connection = nullptr;
  std::exchange(handling_, nullptr)->context.cancellation.Cancel();
}

void HttpConnection::Close() {
  if (state_ == State::kClosed) return;
  Abandon();
  EnterState(State::kClosed);
  socket_.Close();
}

void HttpConnection::EnterState(State state) {
  state_ = state;
  state_since_ = clock_.Now();
}

}  // namespace scaleout::gateway
