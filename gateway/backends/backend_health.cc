#include "gateway/backends/backend_health.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "gateway/backends/backend_channel.h"
#include "gateway/backends/rpc_call.h"
#include "gateway/resilience/bulkhead.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace scaleout::gateway {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using Stub = Health::StubInterface;

// One a second of each loop; more are checks that gRPC has not given up yet (rpc_call.h).
constexpr int kMaxUnansweredChecks = 64;

// A service that does not know its health, or none of that name.
bool KnowsNoHealth(grpc::StatusCode code) {
  return code == grpc::StatusCode::UNIMPLEMENTED || code == grpc::StatusCode::NOT_FOUND;
}

class GrpcBackendHealth final : public BackendHealth {
 public:
  explicit GrpcBackendHealth(BackendChannel& channel)
      : channel_(channel), stub_(Health::NewStub(channel.channel())) {}

  Task<HealthReport> Check(RequestContext& context) override {
    const MonotonicTime start = context.clock.Now();
    const MonotonicTime deadline = std::min(context.deadline, start + kHealthCheckDeadline);
    std::optional<BulkheadPermit> place = unanswered_.TryAcquire();
    if (!place) {
      const HealthReport silent(ServingState::kUnreachable, Duration::zero());
      co_return silent;
    }
    const HealthCheckRequest request;
    UnaryCall<Stub, HealthCheckRequest, HealthCheckResponse> call(
        context, deadline, channel_.callbacks(), channel_.queue(), *stub_, &Stub::PrepareAsyncCheck,
        request, std::make_shared<const BulkheadPermit>(*std::move(place)));
    const grpc::Status status = co_await call;
    ServingState state = ServingState::kUnreachable;
    if (status.ok() && call.response().status() == HealthCheckResponse::SERVING) {
      state = ServingState::kServing;
    } else if (status.ok() || KnowsNoHealth(status.error_code())) {
      state = ServingState::kNotServing;
    }
    const HealthReport report(state, context.clock.Now() - start);
    co_return report;
  }

 private:
  BackendChannel& channel_;
  const std::unique_ptr<Health::Stub> stub_;
  Bulkhead unanswered_{{kMaxUnansweredChecks}};
};

}  // namespace

std::unique_ptr<BackendHealth> MakeBackendHealth(BackendChannel& channel) {
  return std::make_unique<GrpcBackendHealth>(channel);
}

}  // namespace scaleout::gateway
