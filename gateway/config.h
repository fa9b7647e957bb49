// Everything that can be set about a gateway, read once at start from the environment. The comment
// of each field is its documentation; `api-gateway --help` prints the names and defaults.
#ifndef SCALEOUT_GATEWAY_CONFIG_H_
#define SCALEOUT_GATEWAY_CONFIG_H_

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/env.h"
#include "common/log.h"
#include "gateway/http/http_connection.h"
#include "gateway/http/http_server.h"
#include "gateway/resilience/resilience_config.h"

namespace scaleout::gateway {

struct GatewayConfig {
  std::vector<std::string> listen;  // GATEWAY_LISTEN: IP addresses and ports, Unix sockets
  std::string instance_id;  // GATEWAY_INSTANCE_ID: unique over replicas; the host name if unset
  int workers =
      1;  // GATEWAY_WORKERS, --workers: processes that share the sockets; 1 means no supervisor
  int worker = 0;  // GATEWAY_WORKER: which of them this is, from 1; set by the supervisor
  std::vector<int> listen_fds;  // GATEWAY_LISTEN_FDS: what it inherits; set by the supervisor
  std::size_t loops = 1;        // GATEWAY_LOOPS: event loops, a thread each
  int backlog =
      1024;  // GATEWAY_BACKLOG: connections that the kernel holds before they are accepted
  std::string user_target;   // GATEWAY_USER_TARGET: gRPC target, "unix:/path" or "dns:///host:port"
  std::string order_target;  // GATEWAY_ORDER_TARGET
  std::string payment_target;  // GATEWAY_PAYMENT_TARGET
  std::chrono::milliseconds connect_wait{
      3'000};                            // GATEWAY_CONNECT_WAIT: for backends, before it listens
  LogLevel log_level = LogLevel::kInfo;  // GATEWAY_LOG_LEVEL
  bool access_log = true;                // GATEWAY_ACCESS_LOG: a line for each request
  bool lab_endpoints = false;            // LAB_ENDPOINTS: routes that are dangerous on purpose
  std::size_t offload_threads = 1;       // GATEWAY_OFFLOAD_THREADS: for cpu-bound work off the loop
  std::size_t offload_queue = 16;        // GATEWAY_OFFLOAD_QUEUE: what waits for such a thread
  std::chrono::milliseconds loop_abort_after{
      15'000};  // LOOP_ABORT_AFTER: a loop without progress ends the process
  std::size_t max_connections = 10'000;  // GATEWAY_MAX_CONNECTIONS: for each loop
  ResilienceConfig resilience;           // docs/resilience.md
  ConnectionLimits connection;           // GATEWAY_MAX_HEAD_BYTES, GATEWAY_MAX_BODY_BYTES,
                                         // GATEWAY_{HEAD,BODY,IDLE,WRITE}_TIMEOUT
  DrainOptions drain;                    // GATEWAY_DRAIN_GRACE, _TIMEOUT, _REFUSAL
};

// INVALID_ARGUMENT with every problem, one a line.
absl::StatusOr<GatewayConfig> LoadGatewayConfig(EnvironmentMap variables);

// The variables with their defaults, for --help.
std::string GatewayConfigHelp();

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CONFIG_H_
