// The end of every handler that is one call: Ask and Render, once for all of them.
//
//   if (absl::Status checked = query.Check(); !checked.ok()) return Refuse(checked);
//   return AskBackend(users_.GetUser(context, std::move(ask)), kUserNames,
//                     [](const user::v1::GetUserResponse& answer) { ... });
//
// Such a handler parses when it is called and is no coroutine itself; what it returns starts when
// it is awaited, as every Task. Loop thread only, as the call.
#ifndef SCALEOUT_GATEWAY_HANDLERS_ASK_BACKEND_H_
#define SCALEOUT_GATEWAY_HANDLERS_ASK_BACKEND_H_

#include <span>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gateway/http/message.h"
#include "gateway/json/field_path.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

// A handler's answer to a request that it does not carry out.
inline Task<absl::StatusOr<Response>> Refuse(absl::Status status) { co_return status; }

// Awaits `call`, a verb of a backend, and renders its answer. An error is the call's, its fields
// named by `names` (field_path.h), which are of static storage.
template <typename Answer>
Task<absl::StatusOr<Response>> AskBackend(
    Task<absl::StatusOr<Answer>> call, std::span<const ClientName> names,
    std::type_identity_t<Response (*)(const Answer&)> render) {
  const absl::StatusOr<Answer> answer = co_await call;
  if (!answer.ok()) co_return WithClientNames(answer.status(), names);
  co_return render(*answer);
}

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_ASK_BACKEND_H_
