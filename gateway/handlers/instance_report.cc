#include "gateway/handlers/instance_report.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "gateway/json/json_writer.h"

namespace scaleout::gateway {
namespace {

void WriteTime(JsonWriter& json, const JsonKey& key, WallTime time) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  json.Time(key, seconds.count(),
            static_cast<std::int32_t>(std::chrono::nanoseconds(since - seconds).count()));
}

void WriteLoops(JsonWriter& json, const std::vector<EventLoopSnapshot>& loops) {
  EventLoopSnapshot worst;
  double utilization = 0;
  for (const EventLoopSnapshot& loop : loops) {
    worst.lag_ms_current = std::max(worst.lag_ms_current, loop.lag_ms_current);
    worst.lag_ms_p99 = std::max(worst.lag_ms_p99, loop.lag_ms_p99);
    worst.lag_ms_max = std::max(worst.lag_ms_max, loop.lag_ms_max);
    utilization += loop.utilization;
  }
  json.Field("loops", static_cast<std::int64_t>(loops.size()));
  json.StartObject("lagMs");
  json.Field("current", worst.lag_ms_current);
  json.Field("p99", worst.lag_ms_p99);
  json.Field("max", worst.lag_ms_max);
  json.EndObject();
  json.Field("utilization", loops.empty() ? 0.0 : utilization / static_cast<double>(loops.size()));
}

}  // namespace

InstanceReport::InstanceReport(InstanceIdentity identity, const Clock& clock,
                               const InstanceSnapshotSource& instance, const Readiness& readiness,
                               Backends& backends)
    : identity_(std::move(identity)),
      clock_(clock),
      instance_(instance),
      readiness_(readiness),
      backends_(backends),
      started_(clock.WallNow()),
      described_at_(clock.Now()) {}

std::string InstanceReport::Describe() {
  const InstanceSnapshot snapshot = instance_.TakeSnapshot();
  JsonWriter json;
  json.StartObject();
  json.Field("instanceId", identity_.instance_id);
  json.Field("processId", snapshot.process.pid);
  if (identity_.worker > 0) json.Field("worker", identity_.worker);
  json.StartArray("addresses");
  const std::size_t named = std::min(identity_.addresses.size(), kMaxReportedAddresses);
  for (std::size_t i = 0; i < named; ++i) json.Text(identity_.addresses[i]);
  json.EndArray();
  WriteTime(json, "startedAt", started_);
  json.Field("draining", readiness_.draining());
  WriteLoops(json, snapshot.event_loops);
  json.Field("requestsPerSecond", RequestsPerSecond(snapshot.requests.total));
  json.Field("requestsInFlight", snapshot.requests.in_flight);
  json.StartObject("breakers");
  for (BackendGuard* const guard : backends_.guards()) {
    json.RuntimeKey(guard->backend());
    json.Text(CircuitStateName(guard->breaker().state()));
  }
  json.EndObject();
  json.Field("residentBytes", snapshot.process.resident_bytes);
  json.EndObject();
  return std::move(json).TakeString();
}

double InstanceReport::RequestsPerSecond(std::int64_t total) {
  const MonotonicTime now = clock_.Now();
  const std::chrono::duration<double> passed = now - std::exchange(described_at_, now);
  const auto more = static_cast<double>(total - std::exchange(requests_, total));
  return passed.count() > 0 ? more / passed.count() : 0;
}

}  // namespace scaleout::gateway
