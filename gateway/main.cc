#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/env.h"
#include "common/fault_points.h"
#include "common/log.h"
#include "common/stop_signals.h"
#include "common/str_cat.h"
#include "gateway/cluster/supervisor.h"
#include "gateway/config.h"
#include "gateway/gateway.h"
#include "gateway/handlers/payment_faults.h"
#include "gateway/http/listen_socket.h"
#include "gateway/routes.h"

namespace {

using scaleout::gateway::GatewayConfig;
using scaleout::gateway::ListenSocket;
using scaleout::gateway::ListenSockets;

// What a worker may take beyond its own drain before its supervisor kills it.
constexpr std::chrono::seconds kKillMargin{2};

int Fail(std::string_view what, const absl::Status& status) {
  std::fprintf(stderr, "%s\n", scaleout::StrCat("api-gateway: ", what, status.message()).c_str());
  return EXIT_FAILURE;
}

// The first that fails is the answer, and those after it are left alone.
template <typename Place, typename Opener>
absl::StatusOr<ListenSockets> OpenEach(const std::vector<Place>& places, Opener open, int backlog) {
  ListenSockets sockets;
  for (const Place& place : places) {
    absl::StatusOr<ListenSocket> socket = open(place, backlog);
    if (!socket.ok()) return socket.status();
    sockets.push_back(*std::move(socket));
  }
  return sockets;
}

// Those that a worker inherits, or new ones.
absl::StatusOr<ListenSockets> OpenSockets(const GatewayConfig& config) {
  return config.listen_fds.empty()
             ? OpenEach(config.listen, ListenSocket::Open, config.backlog)
             : OpenEach(config.listen_fds, ListenSocket::Adopt, config.backlog);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace scaleout;
  // Debian's Abseil looks for deadlocks on every lock, which costs a third of the throughput.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // gRPC 1.51 does the I/O of a channel that no call waits on only every 5 s, so that an idle
  // gateway could not connect.
  SetProcessDefault("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "100");
  // The C library's resolver would wait 10 s for a name server that does not answer.
  SetProcessDefault("RES_OPTIONS", "timeout:1 attempts:2");
  EnvironmentMap environment = ProcessEnvironment();
  const std::string_view argument = argc > 1 ? argv[1] : "";
  if (argument == "--help")
    return std::fputs(gateway::MakeGatewayHelp().text.c_str(), stdout), EXIT_SUCCESS;
  if (argument == "--help=markdown")
    return std::fputs(gateway::MakeGatewayHelp().markdown.c_str(), stdout), EXIT_SUCCESS;
  if (argument == "--version") return std::puts("api-gateway " SCALEOUT_VERSION), EXIT_SUCCESS;
  if (argument == "--routes")
    return std::fputs(gateway::DescribeRoutes().c_str(), stdout), EXIT_SUCCESS;
  if (argument == "--fault-points") {
    return std::fputs(DescribeFaultPoints(gateway::kPaymentFaultPoints).c_str(), stdout),
           EXIT_SUCCESS;
  }
  if (argument == "--workers" && argc == 3) {
    environment["GATEWAY_WORKERS"] = argv[2];
  } else if (argc > 1) {
    return Fail("",
                absl::InvalidArgumentError("takes --workers N, --routes, --fault-points, --help or "
                                           "--version"));
  }

  absl::StatusOr<GatewayConfig> config = gateway::LoadGatewayConfig(environment);
  if (!config.ok()) return Fail("the configuration has problems:\n", config.status());
  absl::StatusOr<ListenSockets> sockets = OpenSockets(*config);
  if (!sockets.ok()) return Fail("", sockets.status());

  StopSignals signals;
  const std::unique_ptr<Logger> logger =
      MakeJsonLogger({"api-gateway", config->instance_id, config->log_level});
  if (config->workers == 1 || config->worker > 0) {
    return gateway::RunGateway(*config, *std::move(sockets), signals, *logger);
  }
  gateway::SupervisorOptions supervisor;
  supervisor.workers = config->workers;
  supervisor.kill_after =
      config->drain.grace + std::max(config->drain.timeout, config->drain.refusal) + kKillMargin;
  std::vector<int> fds;
  for (const ListenSocket& socket : *sockets) fds.push_back(socket.fd());
  // The workers close theirs at the end of their grace; as long as these were open, the kernel
  // would go on completing connections.
  supervisor.on_stopping = [&sockets] { sockets->clear(); };
  return gateway::RunSupervisor(supervisor, gateway::MakeWorkerLauncher(argv, environment, fds),
                                signals, SystemClock(), *logger);
}
