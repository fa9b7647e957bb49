// Everything that can be set about a gateway, read once at start from the environment.
//
// Defaults and what a field is for are here; the variables' names, bounds and what --help says of
// them are in DeclareGatewaySettings, and docs/configuration.md is made of both. Plain values;
// nothing is opened here.
#ifndef SCALEOUT_GATEWAY_CONFIG_H_
#define SCALEOUT_GATEWAY_CONFIG_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/env.h"
#include "common/fault_points.h"
#include "common/host_name.h"
#include "common/log.h"
#include "common/settings.h"
#include "gateway/auth/auth_config.h"
#include "gateway/auth/rate_limit_config.h"
#include "gateway/backends/backend_table.h"
#include "gateway/backends/coalescer_config.h"
#include "gateway/cache/cache_config.h"
#include "gateway/handlers/payment_faults.h"
#include "gateway/http/cache_headers.h"
#include "gateway/http/http_connection.h"
#include "gateway/http/http_server.h"
#include "gateway/redis/redis_config.h"
#include "gateway/resilience/resilience_config.h"

namespace scaleout::gateway {

struct GatewayConfig {
  // Unique over replicas. A worker adds its number.
  std::string instance_id = HostName();
  // Processes that share the sockets; 1 means no supervisor. --workers sets it too.
  int workers = 1;
  // Event loops, a thread each.
  std::size_t loops = 1;
  // Threads for CPU-bound work off the loops, and how much may wait for one.
  std::size_t offload_threads = 1;
  std::size_t offload_queue = 16;
  // A loop without progress for so long ends the process.
  std::chrono::milliseconds loop_abort_after{15'000};

  // IP addresses with a port, Unix sockets.
  std::vector<std::string> listen = {"127.0.0.1:8081"};
  // Connections that the kernel holds before they are accepted, for each address.
  int backlog = 1024;
  // For each loop; 0 means what the descriptors allow (http/connection_capacity.h).
  std::size_t max_connections = 0;

  // Those of the table, with a target each.
  std::vector<BackendTarget> backends = WithoutTargets(kBackendNames);
  // How long to wait for them before listening all the same.
  std::chrono::milliseconds connect_wait{3'000};

  LogLevel log_level = LogLevel::kInfo;
  // A line for each request.
  bool access_log = true;

  // Of routes that take a body; above it they answer 413.
  std::int64_t max_body_bytes = 64 * 1024;
  ConnectionLimits connection;
  AuthConfig auth;
  DrainOptions drain;
  ResilienceConfig resilience;
  CoalescerConfig coalescer;
  RedisConfig redis;
  RateLimitConfig rate_limits;
  CacheConfig cache;
  // What a cache in front of the gateway may keep.
  PublicCaching public_caching;

  // Routes that are dangerous on purpose.
  bool lab_endpoints = false;
  FaultConfig faults = {.points = kPaymentFaultPoints};

  // Set by the supervisor: which of its workers this is, from 1 (0: none), and the descriptors of
  // the sockets that it inherits.
  int worker = 0;
  std::vector<int> listen_fds;
};

// Declares every setting of a gateway, and checks what its bounds do not.
void DeclareGatewaySettings(Settings& settings, GatewayConfig& config);

// INVALID_ARGUMENT with every problem, one a line. `backends` are those that need a target.
absl::StatusOr<GatewayConfig> LoadGatewayConfig(
    EnvironmentMap variables, std::span<const std::string_view> backends = kBackendNames);

// What --help and --help=markdown print.
ProgramHelp MakeGatewayHelp();

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CONFIG_H_
