#include "gateway/handlers/metrics_handlers.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "gateway/handlers/circuit_breaker_json.h"
#include "gateway/handlers/json_response.h"

namespace scaleout::gateway {
namespace {

void WriteProcess(JsonWriter& json, const ProcessSnapshot& process) {
  json.StartObject("process");
  json.Field("pid", process.pid);
  json.Field("uptimeSeconds", process.uptime_seconds);
  json.Field("cpuSeconds", process.cpu_seconds);
  json.Field("residentBytes", process.resident_bytes);
  json.Field("threads", process.threads);
  json.Field("openFds", process.open_fds);
  json.EndObject();
}

void WriteEventLoops(JsonWriter& json, const std::vector<EventLoopSnapshot>& loops) {
  json.StartArray("eventLoops");
  for (std::size_t i = 0; i < loops.size(); ++i) {
    json.StartObject();
    json.Field("loop", static_cast<std::int64_t>(i));
    json.StartObject("lagMs");
    json.Field("current", loops[i].lag_ms_current);
    json.Field("mean", loops[i].lag_ms_mean);
    json.Field("p50", loops[i].lag_ms_p50);
    json.Field("p99", loops[i].lag_ms_p99);
    json.Field("max", loops[i].lag_ms_max);
    json.EndObject();
    json.Field("utilization", loops[i].utilization);
    json.EndObject();
  }
  json.EndArray();
}

void WriteRequests(JsonWriter& json, const RequestSnapshot& requests) {
  json.StartObject("requests");
  json.Field("total", requests.total);
  json.Field("inFlight", requests.in_flight);
  json.Field("errors", requests.errors);
  json.StartObject("latencyMs");
  json.Field("p50", requests.latency_ms_p50);
  json.Field("p95", requests.latency_ms_p95);
  json.Field("p99", requests.latency_ms_p99);
  json.EndObject();
  json.EndObject();
}

void WriteCoalescers(JsonWriter& json, const std::deque<CoalescerMetrics>& coalescers) {
  json.StartObject("coalescing");
  for (const CoalescerMetrics& coalescer : coalescers) {
    const CoalescerCounts counts = coalescer.counts();
    json.RuntimeKey(coalescer.method());
    json.StartObject();
    json.Field("batches", counts.batches);
    json.Field("keys", counts.keys);
    json.Field("meanBatch", counts.batches == 0 ? 0
                                                : static_cast<double>(counts.keys) /
                                                      static_cast<double>(counts.batches));
    json.Field("joined", counts.joined);
    json.Field("splits", counts.splits);
    json.Field("inFlight", counts.in_flight);
    json.StartObject("waitMs");
    json.Field("mean", counts.wait_seconds_mean * 1000);
    json.Field("p99", counts.wait_seconds_p99 * 1000);
    json.EndObject();
    json.EndObject();
  }
  json.EndObject();
}

void WriteCached(JsonWriter& json, const std::deque<CacheMethodMetrics>& cached) {
  json.StartObject("cache");
  for (const CacheMethodMetrics& method : cached) {
    const CacheCounts counts = method.counts();
    json.RuntimeKey(method.method());
    json.StartObject();
    json.Field("hits", counts.hits);
    json.Field("misses", counts.misses);
    json.Field("stale", counts.stale);
    json.Field("bypassed", counts.bypassed);
    json.Field("joined", counts.joined);
    json.Field("hitRatio", counts.hit_ratio());
    json.EndObject();
  }
  json.EndObject();
}

void WriteAge(JsonWriter& json, const JsonKey& key, const std::optional<Duration>& age) {
  if (age) {
    json.Field(key, std::chrono::duration<double>(*age).count());
  } else {
    json.Null(key);
  }
}

void WriteEvents(JsonWriter& json, const EventsReport& events) {
  json.StartObject("events");
  json.StartObject("consumed");
  json.Field("invalidated", events.invalidated);
  json.Field("ignored", events.ignored);
  json.Field("malformed", events.malformed);
  json.Field("failed", events.failed);
  json.EndObject();
  json.StartObject("lagMs");
  json.Field("p50", events.lag_seconds_p50 * 1000);
  json.Field("p99", events.lag_seconds_p99 * 1000);
  json.EndObject();
  WriteAge(json, "lastEventAgeSeconds", events.last_event_age);
  WriteAge(json, "streamsAgeSeconds", events.backlogs_age);
  json.StartObject("streams");
  for (const StreamBacklog& backlog : events.backlogs) {
    json.RuntimeKey(backlog.stream);
    json.StartObject();
    json.Field("length", backlog.length);
    json.Field("lag", backlog.lag);
    json.Field("pending", backlog.pending);
    json.EndObject();
  }
  json.EndObject();
  json.EndObject();
}

// `backend` is null for a guard that is none's own.
void WriteGuard(JsonWriter& json, BackendGuard& guard, const Backend* backend) {
  const BackendCounts counts = guard.counts();
  json.RuntimeKey(guard.backend());
  json.StartObject();
  json.Field("calls", counts.calls);
  json.Field("failures", counts.failures);
  json.Field("inFlight", counts.in_flight);
  json.Key("circuitBreaker");
  WriteCircuitBreaker(json, guard.breaker().Snapshot());
  if (backend != nullptr && !backend->coalescers.empty()) {
    WriteCoalescers(json, backend->coalescers);
  }
  if (backend != nullptr && !backend->cached.empty()) WriteCached(json, backend->cached);
  json.EndObject();
}

}  // namespace

MetricsHandlers::MetricsHandlers(std::string instance_id, std::size_t loops, const Metrics& metrics,
                                 const InstanceSnapshotSource& instance, Backends& backends,
                                 std::function<EventsReport()> events)
    : instance_id_(std::move(instance_id)),
      metrics_(metrics),
      instance_(instance),
      backends_(backends),
      events_(std::move(events)),
      snapshot_(loops, Duration::zero(), [this](RequestContext&) { return TakeSnapshot(); }) {}

Task<absl::StatusOr<Response>> MetricsHandlers::Prometheus(RequestContext&, const Request&) {
  Response response(200, metrics_.RenderPrometheus());
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  co_return response;
}

Task<absl::StatusOr<Response>> MetricsHandlers::Json(RequestContext& context, const Request&) {
  return snapshot_.Get(context);
}

// It waits for nothing, so it needs no time limit.
Task<Response> MetricsHandlers::TakeSnapshot() {
  const InstanceSnapshot snapshot = instance_.TakeSnapshot();
  JsonWriter json;
  json.StartObject();
  json.Field("instanceId", instance_id_);
  WriteProcess(json, snapshot.process);
  WriteEventLoops(json, snapshot.event_loops);
  WriteRequests(json, snapshot.requests);
  json.StartObject("backends");
  for (BackendGuard* const guard : backends_.guards()) {
    WriteGuard(json, *guard, backends_.Find(guard->backend()));
  }
  json.EndObject();
  if (events_) WriteEvents(json, events_());
  json.EndObject();
  co_return UncachedResponse(std::move(json));
}

}  // namespace scaleout::gateway
