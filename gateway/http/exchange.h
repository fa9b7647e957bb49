// One request on its way through the gateway, from its head to its answer.
//
// It carries what the steps of the pipeline hand to each other: the parsed request, its route, why
// it is refused, its place under the limiter, and the two times that it is measured by. A
// connection makes one for each request and holds it in the coroutine that awaits Serve and writes
// the answer. If the client leaves, the connection cancels the context; Serve still runs to its
// end, and its answer is dropped. Loop thread only.
#ifndef SCALEOUT_GATEWAY_HTTP_EXCHANGE_H_
#define SCALEOUT_GATEWAY_HTTP_EXCHANGE_H_

#include <coroutine>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "common/clock.h"
#include "common/ip_address.h"
#include "gateway/http/message.h"
#include "gateway/http/request_head.h"
#include "gateway/http/route.h"
#include "gateway/resilience/concurrency_limiter.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

struct Exchange;

// Where a request's body comes from: its connection.
class BodySource {
 public:
  // Puts the body into exchange.request.body, or why not into exchange.body_status. False if that
  // is done already; otherwise `reader` is resumed when it is.
  virtual bool StartReading(Exchange& exchange, std::int64_t limit,
                            std::coroutine_handle<> reader) = 0;

 protected:
  ~BodySource() = default;
};

struct Exchange {
  Exchange(Executor& loop, const Clock& clock, BodySource& body_source_in, MonotonicTime started_in)
      : context(loop, clock), body_source(body_source_in), started(started_in) {}

  Request request;
  Framing framing;  // how long the body is, and what the client wishes for the connection
  RequestContext context;
  BodySource& body_source;
  // The other end of its connection; nothing for a Unix socket.
  std::optional<IpAddress> peer;
  absl::Status body_status;      // of the ReadBody at work
  const Route* route = nullptr;  // set by the pipeline, to the table's "unmatched" if none matches
  std::string allowed;           // the methods that the path has, for a 405
  std::string_view token;        // the access token that it has, of request.head; empty: none
  MonotonicTime admitted;        // when the token's session was said to live
  absl::Status refusal;          // not OK: answered with this, no handler is asked
  std::optional<ConcurrencyPermit> permit;  // from its admission to its answer
  // When the first byte of its head was read; of a pipelined request, when the one before it was
  // answered. Its deadline counts from here, and so includes the client's upload.
  const MonotonicTime started;
  // When its last byte was read, or it was refused without: what this gateway's own time counts
  // from (limiter, histograms, access log).
  MonotonicTime received;
};

// Awaits the request's body: OK with the body in exchange.request.body; 413 if it is longer than
// `limit` bytes, 408 if it takes too long; CANCELLED if the client left before it was whole.
class ReadBody {
 public:
  ReadBody(Exchange& exchange, std::int64_t limit) : exchange_(exchange), limit_(limit) {}

  bool await_ready() const noexcept { return exchange_.framing.content_length == 0; }
  bool await_suspend(std::coroutine_handle<> reader) {
    return exchange_.body_source.StartReading(exchange_, limit_, reader);
  }
  absl::Status await_resume() { return std::exchange(exchange_.body_status, absl::OkStatus()); }

 private:
  Exchange& exchange_;
  const std::int64_t limit_;
};

// What a connection asks for answers.
class ExchangeHandler {
 public:
  virtual ~ExchangeHandler() = default;

  // The answer to a request whose head has arrived. A refusal that the exchange carries already
  // (bad framing, a head that took too long) is rendered, logged and counted like every other
  // answer.
  virtual Task<Response> Serve(Exchange& exchange) = 0;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_EXCHANGE_H_
