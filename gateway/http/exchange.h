// One request on its way through the gateway, and the door back to the connection that it came
// from.
//
// The pipeline owns the exchange while the handler runs; the connection only points at it. If the
// client goes away the connection forgets the exchange (connection becomes null) and cancels its
// context; the handler still runs to its end, and what it answers is dropped. Loop thread only.
#ifndef SCALEOUT_GATEWAY_HTTP_EXCHANGE_H_
#define SCALEOUT_GATEWAY_HTTP_EXCHANGE_H_

#include <memory>

#include "absl/status/status.h"
#include "common/clock.h"
#include "gateway/http/message.h"
#include "gateway/http/request_head.h"
#include "gateway/http/route.h"
#include "gateway/runtime/request_context.h"

namespace scaleout::gateway {

class HttpConnection;

struct Exchange {
  Exchange(Executor& loop, const Clock& clock) : context(loop, clock), started(clock.Now()) {}

  Request request;
  Framing framing;
  RequestContext context;
  RouteMatch match;
  absl::Status refusal;  // not OK: answered with this, no handler is asked
  HttpConnection* connection = nullptr;
  MonotonicTime started;  // when the first byte of its head was read
};

// What a connection does with requests.
class ExchangeHandler {
 public:
  virtual ~ExchangeHandler() = default;

  // Looks at a request whose head has arrived: names it, routes it, sets exchange.refusal if it
  // will not be served whatever its body. Returns the most body bytes that are worth reading.
  virtual std::int64_t Examine(Exchange& exchange) = 0;

  // Answers the exchange, now or later, through connection->Finish if there still is a connection.
  virtual void Handle(std::unique_ptr<Exchange> exchange) = 0;

  // Each tick of the loop, with how late it was.
  virtual void OnTick(Duration lag) = 0;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_EXCHANGE_H_
