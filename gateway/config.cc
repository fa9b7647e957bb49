#include "gateway/config.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/str_cat.h"
#include "gateway/http/listen_socket.h"

namespace scaleout::gateway {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::string HostName() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "unknown";
}

std::size_t Size(Environment& env, std::string_view name, std::int64_t default_value,
                 std::int64_t min, std::int64_t max) {
  return static_cast<std::size_t>(env.Int(name, default_value, min, max));
}

ConnectionLimits LoadConnectionLimits(Environment& env) {
  ConnectionLimits limits;
  limits.head_bytes = static_cast<std::size_t>(env.Bytes(
      "GATEWAY_MAX_HEAD_BYTES", static_cast<std::int64_t>(limits.head_bytes), 1024, 1 << 20));
  limits.body_bytes = env.Bytes("GATEWAY_MAX_BODY_BYTES", limits.body_bytes, 1024, 64 << 20);
  limits.head_timeout =
      env.Milliseconds("GATEWAY_HEAD_TIMEOUT", limits.head_timeout, milliseconds(100), minutes(10));
  limits.body_timeout =
      env.Milliseconds("GATEWAY_BODY_TIMEOUT", limits.body_timeout, milliseconds(100), minutes(10));
  limits.idle_timeout =
      env.Milliseconds("GATEWAY_IDLE_TIMEOUT", limits.idle_timeout, milliseconds(100), hours(1));
  limits.write_timeout = env.Milliseconds("GATEWAY_WRITE_TIMEOUT", limits.write_timeout,
                                          milliseconds(100), minutes(10));
  return limits;
}

// Whether all of them are sound and no two are the same.
template <typename T, typename Check>
bool AreDistinct(std::vector<T> values, Check check) {
  if (!std::ranges::all_of(values, check)) return false;
  std::ranges::sort(values);
  return std::ranges::adjacent_find(values) == values.end();
}

void LoadListen(Environment& env, GatewayConfig& config) {
  const std::string listen = env.String("GATEWAY_LISTEN", "127.0.0.1:8081");
  config.listen = absl::StrSplit(listen, ',');
  if (!AreDistinct(config.listen, &ListenSocket::IsAddress)) {
    env.AddProblem(StrCat("GATEWAY_LISTEN=", listen,
                          ": wants IP address:port or unix:/path (107 bytes), or different ones "
                          "with commas between"));
  }
  const std::string fds = env.String("GATEWAY_LISTEN_FDS", "");
  if (fds.empty()) return;
  for (const absl::string_view text : absl::StrSplit(fds, ',')) {
    int fd = -1;
    config.listen_fds.push_back(absl::SimpleAtoi(text, &fd) ? fd : -1);
  }
  if (!AreDistinct(config.listen_fds, [](int fd) { return fd > STDERR_FILENO; }))
    env.AddProblem(StrCat("GATEWAY_LISTEN_FDS=", fds, ": wants different descriptors from 3 on"));
}

}  // namespace

absl::StatusOr<GatewayConfig> LoadGatewayConfig(EnvironmentMap variables) {
  Environment env(std::move(variables), {"GATEWAY_", "LAB_", "LOOP_"});
  GatewayConfig config;
  LoadListen(env, config);
  config.instance_id = env.String("GATEWAY_INSTANCE_ID", HostName());
  config.workers = static_cast<int>(env.Int("GATEWAY_WORKERS", config.workers, 1, 64));
  config.worker = static_cast<int>(env.Int("GATEWAY_WORKER", config.worker, 0, 64));
  if (config.worker > 0) config.instance_id = StrCat(config.instance_id, "-w", config.worker);
  config.loops = Size(env, "GATEWAY_LOOPS", 1, 1, 64);
  config.backlog = static_cast<int>(env.Int("GATEWAY_BACKLOG", config.backlog, 1, 65535));
  config.user_target = env.Required("GATEWAY_USER_TARGET");
  config.order_target = env.Required("GATEWAY_ORDER_TARGET");
  config.payment_target = env.Required("GATEWAY_PAYMENT_TARGET");
  config.connect_wait =
      env.Milliseconds("GATEWAY_CONNECT_WAIT", config.connect_wait, milliseconds(0), minutes(1));
  ParseLogLevel(env.OneOf("GATEWAY_LOG_LEVEL", "info", {"debug", "info", "warn", "error"}),
                config.log_level);
  config.access_log = env.Switch("GATEWAY_ACCESS_LOG", config.access_log);
  config.lab_endpoints = env.Switch("LAB_ENDPOINTS", config.lab_endpoints);
  config.offload_threads = Size(env, "GATEWAY_OFFLOAD_THREADS", 1, 1, 64);
  config.offload_queue = Size(env, "GATEWAY_OFFLOAD_QUEUE", 16, 0, 10'000);
  config.loop_abort_after =
      env.Milliseconds("LOOP_ABORT_AFTER", config.loop_abort_after, milliseconds(100), minutes(10));
  config.max_connections = Size(env, "GATEWAY_MAX_CONNECTIONS", 10'000, 1, 1'000'000);
  config.resilience = LoadResilienceConfig(env);
  config.connection = LoadConnectionLimits(env);
  config.drain.grace =
      env.Milliseconds("GATEWAY_DRAIN_GRACE", config.drain.grace, milliseconds(0), minutes(1));
  config.drain.timeout =
      env.Milliseconds("GATEWAY_DRAIN_TIMEOUT", config.drain.timeout, milliseconds(0), minutes(10));
  config.drain.refusal =
      env.Milliseconds("GATEWAY_DRAIN_REFUSAL", config.drain.refusal, milliseconds(0), minutes(1));
  if (absl::Status status = env.Check(); !status.ok()) return status;
  return config;
}

std::string GatewayConfigHelp() {
  return R"(Usage: api-gateway [--workers N] | --help | --version

Configuration comes from the environment. NAME_FILE reads a value from a file.

  GATEWAY_LISTEN            127.0.0.1:8081  IP address:port or unix:/path, or several with commas
  GATEWAY_INSTANCE_ID       (host name)     unique over replicas
  GATEWAY_WORKERS           1               processes that share the sockets, under a supervisor
  GATEWAY_LOOPS             1               event loops, a thread each
  GATEWAY_BACKLOG           1024            connections that wait to be accepted
  GATEWAY_USER_TARGET       (required)      gRPC target, unix:/path or dns:///host:port
  GATEWAY_ORDER_TARGET      (required)
  GATEWAY_PAYMENT_TARGET    (required)
  GATEWAY_CONNECT_WAIT      3s              for the backends, before it listens all the same
  GATEWAY_LOG_LEVEL         info            debug, info, warn, error
  GATEWAY_ACCESS_LOG        on              a log line for each request
  LAB_ENDPOINTS             off             routes that are dangerous on purpose
  LAB_PLAIN_CALLS           off             calls without breaker, bulkhead and retries
  GATEWAY_OFFLOAD_THREADS   1               threads for cpu-bound work off the loop
  GATEWAY_OFFLOAD_QUEUE     16              work that may wait for such a thread
  GATEWAY_BREAKER_*, GATEWAY_RETRY_*, GATEWAY_BULKHEAD_*, GATEWAY_LIMITER_*, GATEWAY_ATTEMPT_TIMEOUT
                                            docs/resilience.md has them
  LOOP_ABORT_AFTER          15s             a loop without progress for so long ends the process
  GATEWAY_MAX_CONNECTIONS   10000           for each loop
  GATEWAY_MAX_HEAD_BYTES    16KiB           request line and headers
  GATEWAY_MAX_BODY_BYTES    1MiB            over every route's own limit
  GATEWAY_HEAD_TIMEOUT      10s             first byte to the end of the head
  GATEWAY_BODY_TIMEOUT      30s             end of the head to the end of the body
  GATEWAY_IDLE_TIMEOUT      75s             a connection on which nothing happens
  GATEWAY_WRITE_TIMEOUT     30s             an answer that the client does not read
  GATEWAY_DRAIN_GRACE       2s              still accepting after SIGTERM
  GATEWAY_DRAIN_TIMEOUT     20s             for what is in flight after that
  GATEWAY_DRAIN_REFUSAL     0s              refusing connections at least so long before the end
)";
}

}  // namespace scaleout::gateway
