#include "gateway/backends/backend_health.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/backends/backend_channel.h"
#include "gateway/backends/rpc_call.h"

namespace scaleout::gateway {
namespace {

// The two messages of grpc.health.v1 on the wire, by hand: Debian ships no health.pb.h. The request
// for the whole server is empty; the answer is field 1, a varint, and absent if 0 (UNKNOWN).
constexpr char kCheckMethod[] = "/grpc.health.v1.Health/Check";
constexpr std::string_view kServing("\x08\x01", 2);

bool IsServing(const grpc::ByteBuffer& response) {
  std::vector<grpc::Slice> slices;
  if (!response.Dump(&slices).ok()) return false;
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes == kServing;
}

// A service that does not know its health, or none of that name.
bool KnowsNoHealth(grpc::StatusCode code) {
  return code == grpc::StatusCode::UNIMPLEMENTED || code == grpc::StatusCode::NOT_FOUND;
}

// The generic stub takes its method by name; this makes it look like a generated one.
class HealthRpc {
 public:
  explicit HealthRpc(const std::shared_ptr<grpc::Channel>& channel) : stub_(channel) {}

  void Check(grpc::ClientContext* client, const grpc::ByteBuffer* request,
             grpc::ByteBuffer* response, std::function<void(grpc::Status)> done) {
    stub_.UnaryCall(client, kCheckMethod, grpc::StubOptions(), request, response, std::move(done));
  }

 private:
  grpc::GenericStub stub_;
};

class GrpcBackendHealth final : public BackendHealth {
 public:
  explicit GrpcBackendHealth(BackendChannel& channel)
      : channel_(channel), rpc_(channel.channel()) {}

  Task<HealthReport> Check(RequestContext& context) override {
    const MonotonicTime start = context.clock.Now();
    const MonotonicTime deadline = std::min(context.deadline, start + kHealthCheckDeadline);
    const grpc::Slice nothing;
    const grpc::ByteBuffer request(&nothing, 1);
    UnaryCall<HealthRpc, grpc::ByteBuffer, grpc::ByteBuffer> call(
        context, deadline, channel_.callbacks(), rpc_, &HealthRpc::Check, request);
    const grpc::Status status = co_await call;
    ServingState state = ServingState::kUnreachable;
    if (status.ok() && IsServing(call.response)) {
      state = ServingState::kServing;
    } else if (status.ok() || KnowsNoHealth(status.error_code())) {
      state = ServingState::kNotServing;
    }
    const HealthReport report(state, context.clock.Now() - start);
    co_return report;
  }

 private:
  BackendChannel& channel_;
  HealthRpc rpc_;
};

}  // namespace

std::unique_ptr<BackendHealth> MakeBackendHealth(BackendChannel& channel) {
  return std::make_unique<GrpcBackendHealth>(channel);
}

}  // namespace scaleout::gateway
