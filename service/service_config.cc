#include "service/service_config.h"

#include <sys/un.h>

#include <charconv>

#include "common/str_cat.h"
#include "postgres/postgres_conninfo.h"
#include "redis/redis_settings.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

bool IsHostPort(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view digits = address.substr(colon + 1);
  int port = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() && port >= 0 && port <= 65535;
}

void CheckAddress(Settings& settings, std::string_view name, std::string_view address) {
  if (address.starts_with(kUnixPrefix)) {
    const std::string_view path = address.substr(kUnixPrefix.size());
    if (path.empty() || path.size() > kMaxSocketPath) {
      settings.Refuse(name, StrCat("a socket's path must have 1 to ", kMaxSocketPath, " bytes"));
    }
  } else if (!IsHostPort(address)) {
    settings.Refuse(name, "neither unix:/path nor host:port");
  }
}

void DeclareDatabaseSettings(Settings& settings, PostgresPoolOptions& database) {
  settings.Group("PostgreSQL");
  settings.Required("DB_CONNINFO", database.connect.conninfo,
                    "libpq connection string, without the password");
  settings.Secret("DB_PASSWORD", database.connect.password, "of the role in DB_CONNINFO");
  settings.Int("DB_POOL_MAX", database.max_connections, 1, 1000,
               "connections of one replica, at most");
  settings.Milliseconds("DB_POOL_WAIT", database.wait_limit, 1ms, 60s,
                        "how long a call waits for one of them");
  settings.Milliseconds("DB_STATEMENT_TIMEOUT", database.connect.statement_timeout, 10ms, 10min,
                        "longest statement, whatever the call's deadline");
  if (!database.connect.conninfo.empty()) {
    // The problem holds nothing of the value: what is not understood may be a secret.
    const absl::Status problem = ParseConninfo(database.connect.conninfo).status();
    if (!problem.ok()) {
      settings.AddProblem(StrCat("DB_CONNINFO: ", FromAbsl(problem.message()),
                                 "; a password belongs into DB_PASSWORD or DB_PASSWORD_FILE"));
    }
  }
}

void DeclareEventSettings(Settings& settings, ServiceConfig& config) {
  settings.Group("Events");
  DeclareRedisServer(settings, "STATE", "streams of events; empty: events wait in the database",
                     config.event_server);
  settings.Int("EVENTS_MAX_UNACKNOWLEDGED", config.max_unacknowledged_events, 1'000, 10'000'000,
               "entries of a stream that a group has not acknowledged; then events wait in the "
               "database");
}

void DeclareLabSettings(Settings& settings, ServiceConfig& config) {
  LabDelayOptions& delay = config.lab_delay;
  settings.Group("Lab");
  settings.Milliseconds("LAB_RPC_DELAY", delay.rpc, 0ms, 10s,
                        "every RPC is held for so long before it is served");
  settings.Int("LAB_SLOW_KEYS", delay.slow_keys, 0, 1'000'000,
               "RPCs that name an id that this divides are slow; 0: none");
  settings.Milliseconds("LAB_SLOW_KEY_DELAY", delay.slow_key, 0ms, 10s,
                        "for how long such an RPC is held");
  DeclareFaultSettings(settings, config.faults);
}

}  // namespace

void DeclareServiceSettings(Settings& settings, ServiceConfig& config) {
  settings.Group("Instance");
  settings.HostString("SERVICE_INSTANCE_ID", config.instance_id, "host name",
                      "names this replica in logs; unique over replicas");
  settings.OneOf("SERVICE_LOG_LEVEL", config.log_level, kLogLevels,
                 "log lines below it are dropped");
  settings.String("SERVICE_METRICS_LISTEN", config.metrics_listen,
                  "host:port of a Prometheus page at /metrics");
  if (!config.metrics_listen.empty() && !IsHostPort(config.metrics_listen)) {
    settings.Refuse("SERVICE_METRICS_LISTEN", "not host:port");
  }

  settings.Group("Calls");
  settings.List("SERVICE_LISTEN", config.listen,
                "gRPC addresses, comma separated: unix:/path or host:port");
  std::erase_if(config.listen, [](const std::string& address) {
    return address.find_first_not_of(' ') == std::string::npos;
  });
  if (config.listen.empty()) settings.Refuse("SERVICE_LISTEN", "names no address");
  for (const std::string& address : config.listen)
    CheckAddress(settings, "SERVICE_LISTEN", address);
  settings.Int("SERVICE_MAX_THREADS", config.max_threads, 1, 1024, "calls at work at once");
  settings.Int("SERVICE_MAX_QUEUE", config.max_queue, 1, 1'000'000,
               "calls that may wait for a thread; more are refused");
  settings.Bytes("SERVICE_MAX_MESSAGE", config.max_message_bytes, 1024, 64 << 20,
                 "largest request");
  settings.Switch("SERVICE_REFLECTION", config.reflection,
                  "describe the API to any client (grpcurl); off in production");
  settings.Milliseconds(
      "SERVICE_MAX_CONNECTION_AGE", config.max_connection_age, 1s, 24h,
      "older connections are renewed, so that clients rebalance; 10% more or less");

  settings.Group("Shutdown");
  settings.Milliseconds("SERVICE_DRAIN_GRACE", config.drain_grace, 0ms, 60s,
                        "after SIGTERM: how long new calls are still served");
  settings.Milliseconds("SERVICE_DRAIN_TIMEOUT", config.drain_timeout, 0ms, 10min,
                        "after the grace: how long running calls may take");

  DeclareDatabaseSettings(settings, config.database);
  settings.Switch("SERVICE_SEED_DEMO_DATA", config.seed_demo_data,
                  "load the demo's data, unless it has been loaded before");
  DeclareEventSettings(settings, config);
  DeclareLabSettings(settings, config);
}

ServiceConfig LoadServiceConfig(Settings& settings, std::string_view service,
                                std::span<const FaultPoint> fault_points) {
  ServiceConfig config;
  config.service = service;
  config.faults.points = fault_points;
  DeclareServiceSettings(settings, config);
  config.database.connect.application_name = StrCat(service, " ", config.instance_id);
  return config;
}

ProgramHelp MakeServiceHelp(std::string_view program, std::string_view purpose,
                            const std::vector<Setting>& settings, std::string_view verbs) {
  return MakeProgramHelp(
      StrCat(program, ": ", purpose, "\n\nUsage: ", program,
             " [--help | --help=markdown | --version | --fault-points",
             verbs.empty() ? "]\n" : " | VERB]\n",
             verbs.empty() ? "" : "\nVerbs, which do one thing and end:\n", verbs),
      settings);
}

}  // namespace scaleout
