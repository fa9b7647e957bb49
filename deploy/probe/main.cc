#include <chrono>
#include <iostream>
#include <string_view>

#include "absl/synchronization/mutex.h"
#include "deploy/probe/grpc_probe.h"
#include "deploy/probe/http_probe.h"

namespace {

constexpr std::chrono::milliseconds kTimeout{2000};
constexpr const char* kUsage =
    "scaleout-probe: asks whether a server is well; exit code 0 if it is, 1 if not, within 2 "
    "seconds\n\n"
    "  scaleout-probe grpc TARGET [SERVICE]    grpc.health.v1 of TARGET, such as unix:/path or "
    "host:port\n"
    "  scaleout-probe http HOST:PORT/PATH      2xx is well\n";

}  // namespace

int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const std::string_view kind = argc > 1 ? argv[1] : "";
  absl::Status status;
  if (kind == "grpc" && (argc == 3 || argc == 4)) {
    status = scaleout::ProbeGrpc(argv[2], argc == 4 ? argv[3] : "", kTimeout);
  } else if (kind == "http" && argc == 3) {
    status = scaleout::ProbeHttp(argv[2], kTimeout);
  } else if (kind == "--help" && argc == 2) {
    std::cout << kUsage;
    return 0;
  } else if (kind == "--version" && argc == 2) {
    std::cout << SCALEOUT_VERSION << '\n';
    return 0;
  } else {
    std::cerr << kUsage;
    return 1;
  }
  if (status.ok()) return 0;
  std::cerr << std::string(status.message()) << '\n';
  return 1;
}
