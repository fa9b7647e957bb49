#include "service/service_calls.h"

#include <cstdint>
#include <deque>
#include <exception>
#include <optional>
#include <utility>

#include "common/call_durations.h"
#include "common/grpc_status.h"
#include "common/log_throttle.h"
#include "common/request_id.h"
#include "common/status.h"
#include "service/overloaded.h"

namespace scaleout {
namespace {

constexpr std::chrono::milliseconds kWarnEvery{100};

// The service's own fault, or its database's; the rest is the caller's.
bool IsOurs(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

std::string_view Metadata(const grpc::CallbackServerContext& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return {};
  return {found->second.data(), found->second.size()};
}

absl::Status RunGuarded(const std::function<absl::Status(const CallContext&)>& work,
                        const CallContext& call, Logger& logger) {
  try {
    return work(call);
  } catch (const std::exception& e) {
    // Not for the client: what a library says may hold values.
    logger.Error("rpc threw", {{"what", e.what()}, {"requestId", call.request_id}});
    return absl::InternalError("the service failed");
  }
}

}  // namespace

class ServiceCalls::Method {
 public:
  Method(std::string_view name, Metrics& metrics)
      : name_(name),
        durations_(metrics, "rpc_server_call_duration_seconds",
                   "Calls served, from arrival to answer", {{"method", name_}}) {}

  const std::string& name() const { return name_; }
  CallDurations& durations() { return durations_; }
  LogThrottle& warnings() { return warnings_; }

 private:
  const std::string name_;
  CallDurations durations_;
  LogThrottle warnings_{kWarnEvery};
};

struct ServiceCalls::Impl {
  // Gives the call to a worker, or refuses it.
  void Queue(Method& method, grpc::ServerUnaryReactor* reactor,
             const std::shared_ptr<const CallContext>& call, MonotonicTime start,
             std::function<absl::Status(const CallContext&)> work) {
    const bool queued =
        workers.TrySubmit([this, &method, reactor, call, start, work = std::move(work)] {
          absl::Status status = CheckWanted(*call, clock);
          if (status.ok()) status = RunGuarded(work, *call, logger);
          Finish(method, reactor, *call, start, status);
        });
    if (!queued) {
      Finish(method, reactor, *call, start, Overloaded("too many calls are waiting"));
    }
  }

  void Finish(Method& method, grpc::ServerUnaryReactor* reactor, const CallContext& call,
              MonotonicTime start, const absl::Status& status) {
    const MonotonicTime now = clock.Now();
    method.durations().Observe(status.code(), now - start);
    Report(method, call, now, now - start, status);
    active_calls.Add(-1);
    // Last: gRPC may free the call, its context and its messages from here on.
    reactor->Finish(ToGrpcStatus(status));
  }

  void Report(Method& method, const CallContext& call, MonotonicTime now, Duration took,
              const absl::Status& status) {
    const double duration_ms = std::chrono::duration<double, std::milli>(took).count();
    const std::string_view code = CodeName(status.code());
    if (!IsOurs(status.code())) {
      logger.Debug("rpc", {{"method", method.name()},
                           {"code", code},
                           {"durationMs", duration_ms},
                           {"requestId", call.request_id},
                           {"traceId", call.trace_id}});
      return;
    }
    const std::optional<std::int64_t> held_back = method.warnings().Admit(now);
    if (!held_back) return;
    logger.Warn("rpc failed", {{"method", method.name()},
                               {"code", code},
                               {"detail", std::string(status.message())},
                               {"durationMs", duration_ms},
                               {"requestId", call.request_id},
                               {"traceId", call.trace_id},
                               {"heldBack", *held_back}});
  }

  LabDelay lab_delay;
  WorkerPool& workers;
  Logger& logger;
  Metrics& metrics;
  const Clock& clock;
  Gauge& active_calls;
  std::deque<Method> methods;  // a deque: its elements stay where they are
};

ServiceCalls::ServiceCalls(WorkerPool& workers, Logger& logger, Metrics& metrics,
                           const Clock& clock, const LabDelayOptions& lab_delay)
    : impl_(new Impl{LabDelay(lab_delay, clock),
                     workers,
                     logger,
                     metrics,
                     clock,
                     metrics.AddGauge("rpc_server_active_calls", "Calls not answered yet"),
                     {}}) {}

ServiceCalls::~ServiceCalls() = default;

std::int64_t ServiceCalls::active() const {
  return static_cast<std::int64_t>(impl_->active_calls.value());
}

ServiceCalls::Method& ServiceCalls::AddMethod(std::string_view name) {
  return impl_->methods.emplace_back(name, impl_->metrics);
}

grpc::ServerUnaryReactor* ServiceCalls::Start(
    Method& method, grpc::CallbackServerContext* context, const google::protobuf::Message& request,
    std::function<absl::Status(const CallContext&)> work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  impl_->active_calls.Add(1);
  const MonotonicTime start = impl_->clock.Now();
  auto call = std::make_shared<CallContext>();
  const std::chrono::system_clock::time_point deadline = context->deadline();
  if (deadline != std::chrono::system_clock::time_point::max()) {
    call->deadline = Deadline::In(deadline - impl_->clock.WallNow(), impl_->clock);
  }
  call->is_cancelled = [context] { return context->IsCancelled(); };
  const std::string_view request_id = Metadata(*context, "x-request-id");
  if (IsWellFormedRequestId(request_id)) call->request_id = std::string(request_id);
  call->trace_id = std::string(TraceIdOf(Metadata(*context, "traceparent")));
  const std::chrono::milliseconds delay = impl_->lab_delay.Of(request);
  if (delay.count() == 0) {
    impl_->Queue(method, reactor, call, start, std::move(work));
  } else {
    impl_->lab_delay.After(
        delay, [impl = impl_.get(), &method, reactor, call, start, work = std::move(work)] {
          impl->Queue(method, reactor, call, start, work);
        });
  }
  return reactor;
}

}  // namespace scaleout
