#include "gateway/config.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "common/str_cat.h"
#include "gateway/http/listen_socket.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kUsage =
    "api-gateway: answers HTTP from the services behind it\n\n"
    "Usage: api-gateway [--workers N] | --routes | --fault-points | --help | --help=markdown | "
    "--version\n";

// Whether all of them are sound and no two are the same.
template <typename T, typename Check>
bool AreDistinct(std::vector<T> values, Check check) {
  if (!std::ranges::all_of(values, check)) return false;
  std::ranges::sort(values);
  return std::ranges::adjacent_find(values) == values.end();
}

void DeclareProcess(Settings& settings, GatewayConfig& config) {
  settings.Group("Process");
  settings.HostString("GATEWAY_INSTANCE_ID", config.instance_id, "host name",
                      "unique over replicas");
  settings.Int("GATEWAY_WORKERS", config.workers, 1, 64,
               "processes that share the sockets, under a supervisor; --workers sets it too");
  settings.Int("GATEWAY_LOOPS", config.loops, 1, 64, "event loops of a process, a thread each");
  settings.Int("GATEWAY_OFFLOAD_THREADS", config.offload_threads, 1, 64,
               "threads for CPU-bound work off the loops");
  settings.Int("GATEWAY_OFFLOAD_QUEUE", config.offload_queue, 0, 10'000,
               "work that may wait for such a thread");
  settings.Milliseconds("LOOP_ABORT_AFTER", config.loop_abort_after, 100ms, 10min,
                        "a loop without progress for so long ends the process");
}

void DeclareListening(Settings& settings, GatewayConfig& config) {
  settings.Group("Listening");
  settings.List("GATEWAY_LISTEN", config.listen,
                "IP address:port or unix:/path, or several with commas between");
  if (!AreDistinct(config.listen, &ListenSocket::IsAddress)) {
    settings.Refuse("GATEWAY_LISTEN",
                    "wants IP address:port or unix:/path (107 bytes), or different ones with "
                    "commas between");
  }
  settings.Int("GATEWAY_BACKLOG", config.backlog, 1, 65535,
               "connections to an address that wait to be accepted");
  settings.Int("GATEWAY_MAX_CONNECTIONS", config.max_connections, 0, 1'000'000,
               "connections of each loop, which then accepts no more until one closes; 0: as many "
               "as descriptors allow, at most 10000");
}

void DeclareBackends(Settings& settings, GatewayConfig& config) {
  constexpr std::string_view kTarget = "gRPC target, unix:/path or dns:///host:port";
  settings.Group("Backends");
  for (BackendTarget& backend : config.backends) {
    const std::string name = absl::AsciiStrToUpper(backend.name);
    settings.Required(StrCat("GATEWAY_", name, "_TARGET"), backend.target, kTarget);
  }
  settings.Milliseconds("GATEWAY_CONNECT_WAIT", config.connect_wait, 0ms, 1min,
                        "for the backends, before it listens all the same");
}

void DeclareLogs(Settings& settings, GatewayConfig& config) {
  settings.Group("Logs");
  settings.OneOf("GATEWAY_LOG_LEVEL", config.log_level, kLogLevels,
                 "log lines below it are dropped");
  settings.Switch("GATEWAY_ACCESS_LOG", config.access_log, "a log line for each request");
}

void DeclareConnections(Settings& settings, GatewayConfig& config) {
  ConnectionLimits& limits = config.connection;
  settings.Group("Requests and their connections");
  settings.Bytes("GATEWAY_MAX_HEAD_BYTES", limits.head_bytes, 1024, 1 << 20,
                 "request line and headers");
  settings.Bytes("GATEWAY_MAX_BODY_BYTES", config.max_body_bytes, 1024, 64 << 20,
                 "of routes that take a body; nginx has a limit of its own");
  settings.Milliseconds("GATEWAY_HEAD_TIMEOUT", limits.head_timeout, 100ms, 10min,
                        "first byte to the end of the head");
  settings.Milliseconds("GATEWAY_BODY_TIMEOUT", limits.body_timeout, 100ms, 10min,
                        "end of the head to the end of the body");
  settings.Milliseconds("GATEWAY_IDLE_TIMEOUT", limits.idle_timeout, 100ms, 1h,
                        "a connection on which nothing happens");
  settings.Milliseconds("GATEWAY_WRITE_TIMEOUT", limits.write_timeout, 100ms, 10min,
                        "in which a client must take 64 KiB of its answer, or the rest");
}

void DeclareShutdown(Settings& settings, DrainOptions& drain) {
  settings.Group("Shutdown");
  settings.Milliseconds("GATEWAY_DRAIN_GRACE", drain.grace, 0ms, 1min,
                        "still accepting after SIGTERM");
  settings.Milliseconds("GATEWAY_DRAIN_TIMEOUT", drain.timeout, 0ms, 10min,
                        "for what is in flight after that");
  settings.Milliseconds("GATEWAY_DRAIN_REFUSAL", drain.refusal, 0ms, 1min,
                        "refusing connections at least so long before the end");
}

void DeclareSupervised(Settings& settings, GatewayConfig& config) {
  settings.Group("Passed by the supervisor to its workers, not to be set by hand");
  settings.Int("GATEWAY_WORKER", config.worker, 0, 64, "which worker this is, from 1; 0: none");
  std::vector<std::string> fds;
  settings.List("GATEWAY_LISTEN_FDS", fds, "descriptors of the sockets that it inherits");
  for (const std::string& text : fds) {
    int fd = -1;
    config.listen_fds.push_back(absl::SimpleAtoi(text, &fd) ? fd : -1);
  }
  if (!AreDistinct(config.listen_fds, [](int fd) { return fd > STDERR_FILENO; })) {
    settings.Refuse("GATEWAY_LISTEN_FDS", "wants different descriptors from 3 on");
  }
}

}  // namespace

void DeclareGatewaySettings(Settings& settings, GatewayConfig& config) {
  DeclareProcess(settings, config);
  DeclareListening(settings, config);
  DeclareBackends(settings, config);
  DeclareLogs(settings, config);
  DeclareConnections(settings, config);
  DeclareShutdown(settings, config.drain);
  DeclareAuthSettings(settings, config.auth);
  DeclareResilienceSettings(settings, config.resilience);
  DeclareCoalescerSettings(settings, config.coalescer);
  DeclareRedisSettings(settings, config.redis);
  DeclareCacheSettings(settings, config.cache);
  settings.Milliseconds("CACHE_PUBLIC_MAX_AGE", config.public_caching.max_age, 0ms, 1h,
                        "a cache in front may keep public answers for so many whole seconds");
  DeclareRateLimitSettings(settings, config.rate_limits);
  settings.Group("Lab, for experiments");
  settings.Switch("LAB_ENDPOINTS", config.lab_endpoints, "routes that are dangerous on purpose");
  settings.Milliseconds("LAB_CACHE_FILL_DELAY", config.cache.fill_delay, 0ms, 2s,
                        "services' answers are held back for up to so long before they are cached");
  settings.Switch("LAB_CACHE_SINGLE_FLIGHT", config.cache.single_flight,
                  "of the readers that miss the same value, one asks the service");
  DeclareFaultSettings(settings, config.faults);
  DeclareSupervised(settings, config);
}

absl::StatusOr<GatewayConfig> LoadGatewayConfig(EnvironmentMap variables,
                                                std::span<const std::string_view> backends) {
  Environment env(std::move(variables),
                  {"GATEWAY_", "COALESCE", "LAB_", "LOOP_", "REDIS_", "CACHE", "RATE_LIMIT",
                   "LOGIN_RATE_", "TRUSTED_PROXIES", "AUTH_", "FAULT"});
  Settings settings(env);
  GatewayConfig config;
  config.backends = WithoutTargets(backends);
  DeclareGatewaySettings(settings, config);
  if (absl::Status status = env.Check(); !status.ok()) return status;
  if (config.worker > 0) config.instance_id = StrCat(config.instance_id, "-w", config.worker);
  return config;
}

ProgramHelp MakeGatewayHelp() {
  return MakeProgramHelp(kUsage, ListSettings(DeclareGatewaySettings));
}

}  // namespace scaleout::gateway
