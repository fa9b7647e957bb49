#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "common/env.h"
#include "common/log.h"
#include "common/stop_signals.h"
#include "common/str_cat.h"
#include "gateway/config.h"
#include "gateway/gateway.h"
#include "gateway/http/listen_socket.h"

namespace {

int Fail(std::string_view what, const absl::Status& status) {
  std::fprintf(stderr, "%s\n", scaleout::StrCat("api-gateway: ", what, status.message()).c_str());
  return EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace scaleout;
  // Debian's Abseil looks for deadlocks on every lock, which costs a third of the throughput.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const std::string_view argument = argc > 1 ? argv[1] : "";
  if (argument == "--help")
    return std::fputs(gateway::GatewayConfigHelp().c_str(), stdout), EXIT_SUCCESS;
  if (argument == "--version") return std::puts("api-gateway " SCALEOUT_VERSION), EXIT_SUCCESS;
  if (argc > 1) {
    return Fail("", absl::InvalidArgumentError("takes no arguments but --help and --version"));
  }

  absl::StatusOr<gateway::GatewayConfig> config = gateway::LoadGatewayConfig(ProcessEnvironment());
  if (!config.ok()) return Fail("the configuration has problems:\n", config.status());
  absl::StatusOr<gateway::ListenSocket> socket =
      gateway::ListenSocket::Open(config->listen, config->backlog);
  if (!socket.ok()) return Fail("", socket.status());

  StopSignals signals;
  const std::unique_ptr<Logger> logger =
      MakeJsonLogger({"api-gateway", config->instance_id, config->log_level});
  return gateway::RunGateway(*config, *std::move(socket), signals, *logger);
}
