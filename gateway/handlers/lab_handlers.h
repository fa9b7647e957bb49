// The lab: what shows where a request went, and what happens when an event loop is held up.
//
// The counter is this process's own, on purpose, shared by its loops and by nobody else. CpuBound
// in mode "block" holds the loop that it runs on; in mode "offload" it leaves the loop free.
// Thread-safe.
#ifndef SCALEOUT_GATEWAY_HANDLERS_LAB_HANDLERS_H_
#define SCALEOUT_GATEWAY_HANDLERS_LAB_HANDLERS_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "gateway/http/message.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"
#include "gateway/runtime/worker_pool.h"

namespace scaleout::gateway {

inline constexpr std::int64_t kMaxBurnMs = 10'000;
inline constexpr std::int64_t kDefaultBurnMs = 3'000;

class LabHandlers {
 public:
  // `workers` outlives the handlers.
  LabHandlers(std::string instance_id, WorkerPool& workers);

  Task<absl::StatusOr<Response>> Count(RequestContext& context, const Request& request);
  Task<absl::StatusOr<Response>> CpuBound(RequestContext& context, const Request& request);

 private:
  const std::string instance_id_;
  WorkerPool& workers_;
  std::atomic<std::int64_t> count_{0};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_LAB_HANDLERS_H_
