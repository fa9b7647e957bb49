// /api/users/{id}/overview: one user, their latest orders and payments, fetched at the same time.
//
// The user is required: its failure is the response's, at once, and the other calls are cancelled.
// Orders and payments are optional: what cannot be had is null, `_meta.parts` says why, and the
// response is marked as incomplete and not to be cached. A part that is older than its time to live
// (runtime/cache_note.h) says so, with its age. Stateless apart from the injected
// backends, which outlive it.
#ifndef SCALEOUT_GATEWAY_HANDLERS_OVERVIEW_HANDLERS_H_
#define SCALEOUT_GATEWAY_HANDLERS_OVERVIEW_HANDLERS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "gateway/backends/order_backend.h"
#include "gateway/backends/payment_backend.h"
#include "gateway/backends/user_backend.h"
#include "gateway/http/message.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

// How many of the latest orders, and of the latest payments.
inline constexpr std::int32_t kOverviewItems = 5;

class OverviewHandlers {
 public:
  OverviewHandlers(UserBackend& users, OrderBackend& orders, PaymentBackend& payments)
      : users_(users), orders_(orders), payments_(payments) {}

  Task<absl::StatusOr<Response>> Get(RequestContext& context, const Request& request);

 private:
  UserBackend& users_;
  OrderBackend& orders_;
  PaymentBackend& payments_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_OVERVIEW_HANDLERS_H_
