// The lab: what shows where a request went, and what happens when an event loop is held up.
//
// Count's counter is this process's own, on purpose: its loops share it, other instances do not;
// CountShared's is one for all instances (shared_counter.h).
// CpuBound in mode "block" holds the loop that it runs on, one burn at a time (burn_queue.h); in
// mode "offload" a thread of the pool does the work and the loop stays free. In both modes the work
// ends at the request's deadline (504). Thread-safe.
#ifndef SCALEOUT_GATEWAY_HANDLERS_LAB_HANDLERS_H_
#define SCALEOUT_GATEWAY_HANDLERS_LAB_HANDLERS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "gateway/cluster/shared_counter.h"
#include "gateway/handlers/burn_queue.h"
#include "gateway/http/message.h"
#include "gateway/runtime/offload_pool.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

inline constexpr std::int64_t kMaxBurnMs = 10'000;
inline constexpr std::int64_t kDefaultBurnMs = 3'000;

class LabHandlers {
 public:
  // For an instance with `loops` event loops. The references outlive the handlers.
  LabHandlers(std::string instance_id, std::size_t loops, OffloadPool& offload,
              SharedCounter& shared_counter);

  Task<absl::StatusOr<Response>> Count(RequestContext& context, const Request& request);
  // 503 where the counter cannot be asked.
  Task<absl::StatusOr<Response>> CountShared(RequestContext& context, const Request& request);
  Task<absl::StatusOr<Response>> CpuBound(RequestContext& context, const Request& request);

 private:
  Task<absl::Status> Offload(RequestContext& context, Duration burn);

  const std::string instance_id_;
  OffloadPool& offload_;
  SharedCounter& shared_counter_;
  BurnQueue burns_;
  std::atomic<std::int64_t> count_{0};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_LAB_HANDLERS_H_
