// /api/instances: what every live instance last said of itself.
//
// This instance is always in it, as it is. The others are as redis-state has them, at most an
// expiry old; texts there that are no description of the instance whose entry they are in are left
// out. `complete` is false where redis-state did not answer, held more than is read, or has no
// entry of this instance: it was flushed then, or refuses to store. After a flush, others may be
// missing for an interval. The document is made once a second at most, however many ask for it
// (shared_response.h); it never fails. What is injected outlives the handlers. Thread-safe.
#ifndef SCALEOUT_GATEWAY_HANDLERS_INSTANCE_HANDLERS_H_
#define SCALEOUT_GATEWAY_HANDLERS_INSTANCE_HANDLERS_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "gateway/cluster/instance_directory.h"
#include "gateway/handlers/shared_response.h"
#include "gateway/http/message.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class InstanceHandlers {
 public:
  // For an instance with `loops` event loops. `self` gives its description, from any thread.
  InstanceHandlers(std::string instance_id, std::size_t loops, std::function<std::string()> self,
                   InstanceDirectory& directory);

  // Always 200.
  Task<absl::StatusOr<Response>> List(RequestContext& context, const Request& request);

 private:
  Task<Response> Read(RequestContext& context);

  const std::string instance_id_;
  const std::function<std::string()> self_;
  InstanceDirectory& directory_;
  SharedResponse list_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_INSTANCE_HANDLERS_H_
