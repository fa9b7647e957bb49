// The user whom a request is about, where a customer may leave that out because it can only be
// itself. Whether a principal may act for the user that it names is the services' to say.
#ifndef SCALEOUT_GATEWAY_HANDLERS_OWN_USER_H_
#define SCALEOUT_GATEWAY_HANDLERS_OWN_USER_H_

#include <cstdint>

#include "gateway/json/json_reader.h"
#include "gateway/json/query_reader.h"
#include "gateway/runtime/request_context.h"

namespace scaleout::gateway {

// "userId", which an admin, and the lab, must name.
inline std::int64_t ReadUserId(const RequestContext& context, JsonFields& fields) {
  if (context.principal.role != Role::kCustomer) return fields.Id("userId");
  return fields.OptionalId("userId").value_or(context.principal.user_id);
}

// "user_id", the filter of a list; 0 is everyone's.
inline std::int64_t ReadUserFilter(const RequestContext& context, QueryReader& query) {
  const std::int64_t named = query.OptionalId("user_id");
  const Principal& principal = context.principal;
  return named == 0 && principal.role == Role::kCustomer ? principal.user_id : named;
}

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_OWN_USER_H_
