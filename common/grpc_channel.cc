#include "common/grpc_channel.h"

#include <grpc/support/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "common/routing_health.h"
#include "common/str_cat.h"

namespace scaleout {
namespace {

constexpr int kReconnectFirstMs = 100;
constexpr int kReconnectMaxMs = 1000;
// gRPC calls the time that one connection attempt may take its minimal backoff.
constexpr int kConnectTimeoutMs = 5000;
constexpr int kDnsIntervalMs = 1000;
// Only while calls wait: servers close connections that ping for nothing.
constexpr int kKeepaliveMs = 10'000;
constexpr int kKeepaliveTimeoutMs = 5'000;

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(StrCat(R"({"loadBalancingConfig": [{"round_robin": {}}], )",
                                        R"("healthCheckConfig": {"serviceName": ")", kRoutingHealth,
                                        R"("}})"));
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectFirstMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMaxMs);
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, kDnsIntervalMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  // A proxy from the environment has no place between two of our own processes.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return arguments;
}

}  // namespace

std::shared_ptr<grpc::Channel> MakeServiceChannel(const std::string& target) {
  std::shared_ptr<grpc::Channel> channel =
      grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), Arguments());
  channel->GetState(/*try_to_connect=*/true);
  return channel;
}

void SetDeadline(grpc::ClientContext& context, Deadline deadline, const Clock& clock) {
  if (deadline.IsNever()) return;
  // On gRPC's monotonic clock, so that setting the machine's time ends no calls.
  const Duration left = deadline.Remaining(clock);
  context.set_deadline(
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(left.count(), GPR_TIMESPAN)));
}

}  // namespace scaleout
