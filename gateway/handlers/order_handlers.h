// /api/orders: the order service over HTTP.
//
// Each handler parses, asks and renders (ask_backend.h); what a field may hold is the contract's
// (order_limits.h), and every field that is wrong is listed in one answer (422). Create takes an
// optional Idempotency-Key and answers a repeated one as the first time. Cancel repeats safely; an
// order that can no longer be cancelled is refused as the service says. Stateless apart from the
// injected backend, which outlives it, and hence shared by all loops.
#ifndef SCALEOUT_GATEWAY_HANDLERS_ORDER_HANDLERS_H_
#define SCALEOUT_GATEWAY_HANDLERS_ORDER_HANDLERS_H_

#include "absl/status/statusor.h"
#include "gateway/backends/order_backend.h"
#include "gateway/http/message.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class OrderHandlers {
 public:
  explicit OrderHandlers(OrderBackend& orders) : orders_(orders) {}

  Task<absl::StatusOr<Response>> List(RequestContext& context, const Request& request);
  Task<absl::StatusOr<Response>> Create(RequestContext& context, const Request& request);
  Task<absl::StatusOr<Response>> Get(RequestContext& context, const Request& request);
  Task<absl::StatusOr<Response>> Cancel(RequestContext& context, const Request& request);

 private:
  OrderBackend& orders_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_ORDER_HANDLERS_H_
