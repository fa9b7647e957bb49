// One thing that a service can be asked, as a member of its typed backend (user_backend.h): called
// like a method, answered by a coroutine.
//
// A Verb resumes on the request's own loop and never outlasts the request's deadline. Its errors
// are the service's statuses, or the call's own: DEADLINE_EXCEEDED, UNAVAILABLE, CANCELLED (the
// client is gone). It is a value, so that a test binds a fake to it and a decorator replaces one
// verb without spelling the others; all loops call it at once. It outlives its calls.
#ifndef SCALEOUT_GATEWAY_BACKENDS_VERB_H_
#define SCALEOUT_GATEWAY_BACKENDS_VERB_H_

#include <functional>

#include "absl/status/statusor.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

template <typename Request, typename Response>
using Verb =
    std::function<Task<absl::StatusOr<Response>>(RequestContext& context, Request request)>;

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_VERB_H_
