#include "deploy/probe/grpc_probe.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>

#include "common/str_cat.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace scaleout {

using grpc::health::v1::HealthCheckResponse;

absl::Status ProbeGrpc(const std::string& target, const std::string& service,
                       std::chrono::milliseconds timeout) {
  const auto stub = grpc::health::v1::Health::NewStub(
      grpc::CreateChannel(target, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  // A server that is just starting is worth waiting for, as long as the timeout allows.
  context.set_wait_for_ready(true);
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  HealthCheckResponse response;
  const grpc::Status status = stub->Check(&context, request, &response);
  if (!status.ok()) {
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                        StrCat(target, " ", service, ": ", status.error_message()));
  }
  if (response.status() == HealthCheckResponse::SERVING) return absl::OkStatus();
  return absl::UnavailableError(StrCat(target, " ", service, ": NOT_SERVING"));
}

}  // namespace scaleout
