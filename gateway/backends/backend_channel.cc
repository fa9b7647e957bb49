#include "gateway/backends/backend_channel.h"

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <utility>

#include "common/routing_health.h"
#include "common/str_cat.h"
#include "gateway/backends/completion_threads.h"
#include "gateway/backends/rpc_call.h"

namespace scaleout::gateway {
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

BackendChannel::BackendChannel(const std::string& target,
                               std::shared_ptr<CompletionThreads> threads)
    : callbacks_(std::make_unique<CallbackCount>()),
      threads_(threads ? std::move(threads) : std::make_shared<CompletionThreads>(1)),
      channel_(grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), Arguments())) {
  // Connect before the first request needs it.
  channel_->GetState(/*try_to_connect=*/true);
}

BackendChannel::~BackendChannel() = default;

grpc::CompletionQueue& BackendChannel::queue() { return threads_->queue(); }

}  // namespace scaleout::gateway
