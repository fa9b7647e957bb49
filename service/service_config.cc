#include "service/service_config.h"

#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "absl/strings/str_split.h"
#include "common/str_cat.h"

namespace scaleout {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

std::string HostName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

bool IsHostPort(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view digits = address.substr(colon + 1);
  int port = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() && port >= 0 && port <= 65535;
}

void CheckAddress(Environment& env, std::string_view name, std::string_view address) {
  if (address.starts_with(kUnixPrefix)) {
    const std::string_view path = address.substr(kUnixPrefix.size());
    if (path.empty() || path.size() > kMaxSocketPath) {
      env.AddProblem(StrCat(name, ": the socket path \"", path, "\" must have 1 to ",
                            kMaxSocketPath, " bytes"));
    }
  } else if (!IsHostPort(address)) {
    env.AddProblem(StrCat(name, ": \"", address, "\" is neither unix:/path nor host:port"));
  }
}

}  // namespace

ServiceConfig LoadServiceConfig(Environment& env, std::string_view service) {
  ServiceConfig config;
  config.service = service;
  config.instance_id = env.String("SERVICE_INSTANCE_ID", HostName());
  config.listen =
      absl::StrSplit(env.String("SERVICE_LISTEN", "0.0.0.0:50051"), ',', absl::SkipWhitespace());
  if (config.listen.empty()) env.AddProblem("SERVICE_LISTEN: names no address");
  for (const std::string& address : config.listen) CheckAddress(env, "SERVICE_LISTEN", address);
  ParseLogLevel(env.OneOf("SERVICE_LOG_LEVEL", "info", {"debug", "info", "warn", "error"}),
                config.log_level);
  config.drain_grace = env.Milliseconds("SERVICE_DRAIN_GRACE", 2s, 0ms, 60s);
  config.drain_timeout = env.Milliseconds("SERVICE_DRAIN_TIMEOUT", 20s, 0ms, 10min);
  config.max_threads = static_cast<int>(env.Int("SERVICE_MAX_THREADS", 16, 1, 1024));
  config.max_queue = static_cast<int>(env.Int("SERVICE_MAX_QUEUE", 1024, 1, 1'000'000));
  config.max_message_bytes = env.Bytes("SERVICE_MAX_MESSAGE", 1 << 20, 1024, 64 << 20);
  config.max_connection_age = env.Milliseconds("SERVICE_MAX_CONNECTION_AGE", 30s, 1s, 24h);
  config.metrics_listen = env.String("SERVICE_METRICS_LISTEN", "");
  if (!config.metrics_listen.empty() && !IsHostPort(config.metrics_listen)) {
    env.AddProblem(
        StrCat("SERVICE_METRICS_LISTEN: \"", config.metrics_listen, "\" is not host:port"));
  }
  config.seed_demo_data = env.Switch("SERVICE_SEED_DEMO_DATA", false);

  PostgresPoolOptions& database = config.database;
  database.connect.conninfo = env.Required("DB_CONNINFO");
  database.connect.password = env.String("DB_PASSWORD", "");
  database.connect.application_name = StrCat(service, " ", config.instance_id);
  database.connect.statement_timeout = env.Milliseconds("DB_STATEMENT_TIMEOUT", 3s, 10ms, 10min);
  database.max_connections = static_cast<int>(env.Int("DB_POOL_MAX", 6, 1, 1000));
  database.wait_limit = env.Milliseconds("DB_POOL_WAIT", 500ms, 1ms, 60s);
  if (database.connect.conninfo.find("password") != std::string::npos) {
    env.AddProblem(
        "DB_CONNINFO: holds a password; it belongs into DB_PASSWORD or DB_PASSWORD_FILE");
  }
  return config;
}

std::vector<VariableHelp> ServiceVariables() {
  return {
      {"SERVICE_LISTEN", "0.0.0.0:50051",
       "gRPC addresses, comma separated: unix:/path or host:port"},
      {"SERVICE_INSTANCE_ID", "the host's name", "names this replica in logs"},
      {"SERVICE_LOG_LEVEL", "info", "debug, info, warn or error"},
      {"SERVICE_DRAIN_GRACE", "2s", "after SIGTERM: how long new calls are still served"},
      {"SERVICE_DRAIN_TIMEOUT", "20s", "after the grace: how long running calls may take"},
      {"SERVICE_MAX_THREADS", "16", "calls at work at once"},
      {"SERVICE_MAX_QUEUE", "1024", "calls that may wait for a thread; more are refused"},
      {"SERVICE_MAX_MESSAGE", "1MiB", "largest request"},
      {"SERVICE_MAX_CONNECTION_AGE", "30s",
       "then clients connect anew and rebalance; jittered by gRPC"},
      {"SERVICE_METRICS_LISTEN", "", "host:port of a Prometheus page at /metrics; empty: none"},
      {"SERVICE_SEED_DEMO_DATA", "off", "fill empty tables with the demo's data"},
      {"DB_CONNINFO", "required", "libpq connection string, without the password"},
      {"DB_PASSWORD", "", "or DB_PASSWORD_FILE, a path"},
      {"DB_POOL_MAX", "6", "connections to PostgreSQL, at most"},
      {"DB_POOL_WAIT", "500ms", "how long a call waits for one of them"},
      {"DB_STATEMENT_TIMEOUT", "3s", "longest statement, whatever the call's deadline"},
  };
}

std::string RenderHelp(std::string_view program, std::string_view purpose,
                       const std::vector<VariableHelp>& variables) {
  std::size_t width = 0;
  for (const VariableHelp& variable : variables) width = std::max(width, variable.name.size());
  std::string help =
      StrCat(program, ": ", purpose,
             "\n\nIt is configured by environment variables; each NAME may be given as "
             "NAME_FILE, a path.\n\n");
  for (const VariableHelp& variable : variables) {
    help += StrCat("  ", variable.name, std::string(width - variable.name.size() + 2, ' '),
                   variable.text);
    if (!variable.default_value.empty()) help += StrCat(" [", variable.default_value, "]");
    help += '\n';
  }
  return help + "\nOptions: --help, --version\n";
}

}  // namespace scaleout
