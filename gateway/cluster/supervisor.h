// Cluster mode: one process that starts N workers on listening sockets that they share, and does no
// request work itself.
//
// A worker that dies is replaced, with backoff (restart_backoff.h). On a stop signal the supervisor
// sends each worker SIGTERM; the workers then drain, and those that take longer than `kill_after`
// are killed. A second signal kills them at once. Each worker has a process group of its own, so
// that Ctrl-C and a kill of the supervisor's group reach the supervisor alone; Ctrl-Z stops only
// the supervisor, and the workers go on serving. If the supervisor ends without stopping them
// (SIGKILL, SIGHUP), the kernel sends them SIGTERM. One thread: the caller's. (Idea: nginx's
// master, Node's cluster.)
#ifndef SCALEOUT_GATEWAY_CLUSTER_SUPERVISOR_H_
#define SCALEOUT_GATEWAY_CLUSTER_SUPERVISOR_H_

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <vector>

#include "common/clock.h"
#include "common/env.h"
#include "common/log.h"
#include "common/stop_signals.h"
#include "gateway/cluster/restart_backoff.h"

namespace scaleout::gateway {

struct SupervisorOptions {
  int workers = 2;
  std::chrono::milliseconds kill_after{30'000};
  RestartBackoffConfig backoff;
  // Called once, when no worker will be started any more.
  std::function<void()> on_stopping;
};

// Starts worker `index` (from 1) and returns its process id; negative with errno set if that
// failed.
using WorkerLauncher = std::function<pid_t(int index)>;

// Supervises until a stop signal and until every worker has ended. 0 if all of them drained and
// said so.
int RunSupervisor(const SupervisorOptions& options, const WorkerLauncher& launch,
                  StopSignals& signals, const Clock& clock, Logger& logger);

// A launcher that runs this program again as a worker, in a process group of its own: the same
// arguments and environment, GATEWAY_WORKER=index, and GATEWAY_LISTEN_FDS=listen_fds, which the
// worker inherits. `argv` outlives it.
WorkerLauncher MakeWorkerLauncher(char** argv, const EnvironmentMap& environment,
                                  const std::vector<int>& listen_fds);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CLUSTER_SUPERVISOR_H_
