#include "gateway/handlers/lab_handlers.h"

#include <unistd.h>

#include <chrono>
#include <stop_token>
#include <string_view>
#include <utility>

#include "gateway/handlers/cpu_burn.h"
#include "gateway/handlers/json_response.h"
#include "gateway/json/query_reader.h"

namespace scaleout::gateway {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr std::int64_t kNanosPerMicro = 1'000;

}  // namespace

LabHandlers::LabHandlers(std::string instance_id, std::size_t loops, OffloadPool& offload,
                         SharedCounter& shared_counter)
    : instance_id_(std::move(instance_id)),
      offload_(offload),
      shared_counter_(shared_counter),
      burns_(loops, [](const Clock& clock, Duration duration) { BurnCpu(clock, duration); }) {}

Task<absl::StatusOr<Response>> LabHandlers::Count(RequestContext&, const Request&) {
  JsonWriter json;
  json.StartObject();
  json.Field("count", count_.fetch_add(1, std::memory_order_relaxed) + 1);
  json.Field("instanceId", instance_id_);
  json.Field("processId", std::int64_t{getpid()});
  json.Field("warning",
             "This counter is this instance's own; the other instances have theirs, and a restart "
             "begins anew.");
  json.EndObject();
  co_return UncachedResponse(std::move(json));
}

Task<absl::StatusOr<Response>> LabHandlers::CountShared(RequestContext& context, const Request&) {
  Task<absl::StatusOr<SharedCount>> asking = shared_counter_.Next(context);
  const absl::StatusOr<SharedCount> next = co_await asking;
  if (!next.ok()) co_return next.status();
  JsonWriter json;
  json.StartObject();
  json.Field("count", next->count);
  json.Time("since", next->since_micros / kMicrosPerSecond,
            static_cast<std::int32_t>(next->since_micros % kMicrosPerSecond * kNanosPerMicro));
  json.Field("instanceId", instance_id_);
  json.Field("processId", std::int64_t{getpid()});
  json.EndObject();
  co_return UncachedResponse(std::move(json));
}

Task<absl::StatusOr<Response>> LabHandlers::CpuBound(RequestContext& context,
                                                     const Request& request) {
  QueryReader query(request);
  const std::chrono::milliseconds burn(query.Integer("ms", kDefaultBurnMs, 1, kMaxBurnMs));
  const std::string_view mode = query.OneOf("mode", {"block", "offload"});
  absl::Status status = query.Check();
  if (!status.ok()) co_return status;

  const MonotonicTime start = context.clock.Now();
  Task<absl::Status> burning = mode == "block" ? burns_.Run(context, burn) : Offload(context, burn);
  status = co_await burning;
  if (!status.ok()) co_return status;
  const std::chrono::duration<double, std::milli> took = context.clock.Now() - start;

  JsonWriter json;
  json.StartObject();
  json.Field("message", mode == "block" ? "Held this event loop; its other requests waited."
                                        : "Worked beside the event loop; no other request waited.");
  json.Field("durationMs", took.count());
  json.Field("mode", mode);
  json.Field("instanceId", instance_id_);
  json.EndObject();
  co_return UncachedResponse(std::move(json));
}

Task<absl::Status> LabHandlers::Offload(RequestContext& context, Duration burn) {
  const Clock& clock = context.clock;
  return offload_.Run(context,
                      [&clock, burn](std::stop_token stop) { BurnCpu(clock, burn, stop); });
}

}  // namespace scaleout::gateway
