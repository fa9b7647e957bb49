#include "gateway/http/http_connection.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "gateway/http/problem.h"

namespace scaleout::gateway {
namespace {

constexpr std::string_view kEndOfHead = "\r\n\r\n";
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
// Only a guess at what to allocate.
constexpr std::size_t kTypicalHeadBytes = 512;
// Answers to pipelined requests are gathered up to so many bytes before they are sent.
constexpr std::size_t kAnswersTogetherBytes = 16 * 1024;

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
      state_since_(clock.Now()),
      turn_began_(state_since_) {}

void HttpConnection::BeginTurn() {
  requests_left_ = kRequestsPerTurn;
  turn_began_ = clock_.Now();
  Advance();
}

std::size_t HttpConnection::Room() {
  std::size_t most = limits_.head_bytes;
  switch (state_) {
    case State::kBody:
      most = static_cast<std::size_t>(current_->framing.content_length);
      break;
    case State::kHead:
      if (requests_left_ == 0) most = 0;
      break;
    case State::kDiscard:
    case State::kHandling:
    case State::kAnswering:
      break;
    case State::kLinger:
    case State::kClosed:
      out_of_room_ = false;
      return std::numeric_limits<std::size_t>::max();
  }
  const std::size_t room = most - std::min(most, input_.size());
  out_of_room_ = room == 0;
  return room;
}

void HttpConnection::OnBytes(std::string_view bytes) {
  if (state_ == State::kLinger || state_ == State::kClosed) return;
  last_read_ = clock_.Now();
  if (state_ == State::kHead && input_.empty()) state_since_ = last_read_;
  input_.Append(bytes);
  Advance();
}

void HttpConnection::FlushAnswers() {
  if (flush_due_ && !Flush() && state_ == State::kHead) EnterState(State::kAnswering);
}

void HttpConnection::OnWritable() {
  if (Flush() && state_ == State::kAnswering) AfterAnswer();
}

void HttpConnection::OnDisconnect() {
  if (state_ == State::kClosed) return;
  const bool reading = state_ == State::kBody;
  EnterState(State::kClosed);
  output_.clear();
  output_sent_ = 0;
  if (current_ != nullptr) current_->context.cancellation.Cancel();
  if (reading) EndReading(absl::CancelledError("The client is gone."));
}

void HttpConnection::OnTick(MonotonicTime now) {
  if (!output_.empty()) {
    if (WriteIsStuck(now)) Close();
    return;
  }
  const Duration spent = now - state_since_;
  switch (state_) {
    case State::kHead:
      if (requests_left_ == 0) return;  // it waits for its turn, not for the client
      if (input_.empty() ? spent > limits_.idle_timeout : spent > limits_.head_timeout) {
        if (input_.empty()) return Close();
        Refuse(HttpError(408, "The head of the request took too long."));
      }
      return;
    case State::kDiscard:
      if (spent > limits_.body_timeout) Close();
      return;
    case State::kBody:
      if (spent > limits_.body_timeout) {
        close_after_answer_ = true;
        input_.Clear();
        EndReading(HttpError(408, "The body of the request took too long."));
      }
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

// A client has to take so much in each write timeout: one that takes a byte now and then would
// otherwise hold its connection, and the answer in memory, for as long as it likes.
bool HttpConnection::WriteIsStuck(MonotonicTime now) {
  if (now - write_since_ <= limits_.write_timeout) return false;
  if (write_progress_ < limits_.progress_bytes) return true;
  write_since_ = now;
  write_progress_ = 0;
  return false;
}

void HttpConnection::CloseIfIdle() {
  FlushAnswers();
  if (state_ == State::kHead && input_.empty()) Close();
  if (state_ != State::kDiscard) return;
  close_after_answer_ = true;
  AfterAnswer();
}

// One request after the other, as far as the input and the turn's budget go. A request can end
// while it is started here, which calls back; that inner call leaves the work to this loop.
void HttpConnection::Advance() {
  if (std::exchange(advancing_, true)) return;
  while ((state_ == State::kHead && MayBeginRequest() && TakeHead()) ||
         (state_ == State::kBody && TakeBody()) || (state_ == State::kDiscard && DiscardBody())) {
  }
  advancing_ = false;
  if (flush_due_ && !socket_.WillFlush()) FlushAnswers();
  if (state_ == State::kHead && requests_left_ == 0) {
    socket_.RequestTurn();
  } else {
    ReadOn();
  }
}

// Whether the turn's budget allows another request. The clock is only asked about a second one.
bool HttpConnection::MayBeginRequest() {
  if (input_.empty()) return false;
  if (requests_left_ == kRequestsPerTurn) return true;
  if (clock_.Now() - turn_began_ >= kTimePerTurn) requests_left_ = 0;
  return requests_left_ > 0;
}

// Has the socket read on if it stopped for lack of room and there is room now.
void HttpConnection::ReadOn() {
  if (out_of_room_ && Room() > 0) socket_.RequestTurn();
}

// Starts the next request if its head is complete or cannot become one.
bool HttpConnection::TakeHead() {
  // An empty line before the request line is a habit of old clients (RFC 9112, section 2.2).
  if (scanned_ == 0 && input_.view().starts_with("\r\n")) input_.Consume(2);
  const std::string_view input = input_.view();
  if (input.empty() || input == "\r") return false;
  const std::size_t from = scanned_ < kEndOfHead.size() ? 0 : scanned_ - kEndOfHead.size() + 1;
  const std::size_t end = input.find(kEndOfHead, from);
  if (end == std::string_view::npos) {
    if (input.size() < limits_.head_bytes && CanBecomeHead(input, scanned_)) {
      scanned_ = input.size();
      return false;
    }
    Refuse(input.size() < limits_.head_bytes
               ? HttpError(400, "That is not an HTTP request.")
               : HttpError(431, "The head of the request is too large."));
    return true;
  }
  const std::size_t size = end + kEndOfHead.size();
  if (size > limits_.head_bytes) {
    Refuse(HttpError(431, "The head of the request is too large."));
    return true;
  }
  std::string head(input.substr(0, size));
  input_.Consume(size);
  StartRequest(std::move(head), absl::OkStatus());
  return true;
}

// Resumes the request that waits for its body if that is complete.
bool HttpConnection::TakeBody() {
  const auto length = static_cast<std::size_t>(current_->framing.content_length);
  if (input_.size() < length) return false;
  current_->request.body.assign(input_.view().substr(0, length));
  input_.Consume(length);
  unread_body_ = 0;
  EndReading(absl::OkStatus());
  return true;
}

// Goes on with the next request once the rest of the body of a refused one is thrown away.
bool HttpConnection::DiscardBody() {
  const std::size_t count = std::min(unread_body_, input_.size());
  input_.Consume(count);
  unread_body_ -= count;
  if (unread_body_ > 0) return false;
  EnterState(State::kHead);
  return true;
}

// For errors after which the beginning of the next request cannot be found.
void HttpConnection::Refuse(absl::Status refusal) { StartRequest({}, std::move(refusal)); }

void HttpConnection::StartRequest(std::string head, absl::Status refusal) {
  if (requests_left_ > 0) --requests_left_;
  HandleRequest(shared_from_this(), std::move(head), std::move(refusal));
  loop_.LeaveRoute();
}

// The whole life of a request on its connection. `self` keeps the connection for as long.
DetachedTask HttpConnection::HandleRequest([[maybe_unused]] std::shared_ptr<HttpConnection> self,
                                           std::string head, absl::Status refusal) {
  Exchange exchange(loop_, clock_, *this, state_since_);
  exchange.request.head = std::move(head);
  exchange.peer = socket_.PeerAddress();
  // A request that is refused for being late has not waited for this gateway.
  exchange.received = refusal.ok() ? std::max(state_since_, last_read_) : clock_.Now();
  unread_body_ = 0;
  if (refusal.ok()) {
    absl::StatusOr<Framing> framing = ParseHead(exchange.request);
    if (framing.ok()) {
      exchange.framing = *framing;
      unread_body_ = static_cast<std::size_t>(framing->content_length);
    } else {
      refusal = framing.status();
    }
  }
  scanned_ = 0;
  if (!refusal.ok()) {
    exchange.refusal = std::move(refusal);
    close_after_answer_ = true;
    input_.Clear();
  }
  current_ = &exchange;
  EnterState(State::kHandling);
  Task<Response> serving = handler_.Serve(exchange);
  const Response response = co_await serving;
  current_ = nullptr;
  if (state_ != State::kClosed) Answer(exchange, response);
}

bool HttpConnection::StartReading(Exchange& exchange, std::int64_t limit,
                                  std::coroutine_handle<> reader) {
  // The client may leave, or send more, between the head and this.
  if (state_ == State::kClosed) {
    exchange.body_status = absl::CancelledError("The client is gone.");
    return false;
  }
  const std::int64_t length = exchange.framing.content_length;
  if (length > limit) {
    exchange.body_status = limit == 0 ? HttpError(413, "This route takes no body.")
                                      : HttpError(413, "The body of the request is too large.");
    close_after_answer_ = true;
    input_.Clear();
    return false;
  }
  const auto size = static_cast<std::size_t>(length);
  if (input_.size() >= size) {
    exchange.request.body.assign(input_.view().substr(0, size));
    input_.Consume(size);
    unread_body_ = 0;
    return false;
  }
  if (exchange.framing.expects_continue) Send(kContinue);
  if (state_ == State::kClosed) {
    exchange.body_status = absl::CancelledError("The client is gone.");
    return false;
  }
  body_reader_ = reader;
  EnterState(State::kBody);
  if (!advancing_) ReadOn();
  return true;
}

void HttpConnection::EndReading(absl::Status status) {
  current_->body_status = std::move(status);
  current_->received = clock_.Now();
  if (state_ == State::kBody) EnterState(State::kHandling);
  if (current_->context.route != nullptr) loop_.EnterRoute(*current_->context.route);
  std::exchange(body_reader_, {}).resume();
  loop_.LeaveRoute();
}

// Only the headers if the request was a HEAD. An answer that is ready while the requests of a turn
// are begun leaves with those that follow, at the latest at the end of the turn.
void HttpConnection::Answer(const Exchange& exchange, const Response& response) {
  const std::size_t buffered = std::min(unread_body_, input_.size());
  const bool body_will_come = !exchange.framing.expects_continue || buffered == unread_body_;
  const bool keep_alive = !close_after_answer_ && !last_answer_ && exchange.framing.keep_alive &&
                          unread_body_ <= limits_.discard_bytes && body_will_come;
  if (output_.empty()) output_.reserve(kTypicalHeadBytes + response.body.size());
  head_writer_.Append(response, exchange.context.request_id, keep_alive, output_);
  if (exchange.request.method != Method::kHead && response.status != 204 &&
      response.status != 304) {
    output_.append(response.body);
  }
  close_after_answer_ = !keep_alive;
  if (keep_alive && advancing_ && requests_left_ > 0 && unread_body_ == 0 &&
      output_.size() < kAnswersTogetherBytes) {
    flush_due_ = true;
    return EnterState(State::kHead);
  }
  EnterState(State::kAnswering);
  if (Flush() && state_ == State::kAnswering) AfterAnswer();
}

void HttpConnection::Send(std::string_view bytes) {
  output_.append(bytes);
  Flush();
}

// True if nothing is left to send. Its memory is then given back: answers differ much in size.
bool HttpConnection::Flush() {
  flush_due_ = false;
  if (output_.empty()) return true;
  const std::int64_t sent = socket_.Send(std::string_view(output_).substr(output_sent_));
  if (sent < 0) {
    Close();
    return false;
  }
  output_sent_ += static_cast<std::size_t>(sent);
  write_progress_ += static_cast<std::size_t>(sent);
  if (output_sent_ < output_.size()) {
    if (!std::exchange(write_waits_, true)) {
      write_since_ = clock_.Now();
      write_progress_ = 0;
    }
    return false;
  }
  write_waits_ = false;
  std::string().swap(output_);
  output_sent_ = 0;
  return true;
}

void HttpConnection::AfterAnswer() {
  if (close_after_answer_) {
    socket_.ShutDownWriting();
    EnterState(State::kLinger);
    ReadOn();
    return;
  }
  EnterState(unread_body_ > 0 ? State::kDiscard : State::kHead);
  Advance();
}

void HttpConnection::Close() {
  if (state_ == State::kClosed) return;
  OnDisconnect();
  socket_.Close();
}

// The states that no timeout is counted from do not read the clock.
void HttpConnection::EnterState(State state) {
  state_ = state;
  const bool timed =
      state != State::kHandling && state != State::kAnswering && state != State::kClosed;
  if (timed) state_since_ = clock_.Now();
}

}  // namespace scaleout::gateway
