// What a part of a transaction answers, in a transaction of its own.
#ifndef SCALEOUT_TESTS_INTEGRATION_TRANSACTED_H_
#define SCALEOUT_TESTS_INTEGRATION_TRANSACTED_H_

#include <optional>
#include <type_traits>

#include "absl/status/status.h"
#include "common/call_context.h"
#include "postgres/postgres_session.h"
#include "service/events/outbox.h"

namespace scaleout::testing {

// `part` answers a StatusOr for a PostgresSession; so does this, with the error of the commit if
// there is one.
template <typename Part>
std::invoke_result_t<Part, PostgresSession&> Transacted(const CallContext& call, Outbox& outbox,
                                                        Part&& part) {
  std::optional<std::invoke_result_t<Part, PostgresSession&>> result;
  const absl::Status status = outbox.Transact(call, [&](PostgresSession& session) -> absl::Status {
    result = part(session);
    return result->status();
  });
  if (!status.ok()) return status;
  return *std::move(result);
}

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_INTEGRATION_TRANSACTED_H_
