#include "gateway/cluster/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

struct Worker {
  explicit Worker(int index_in, const RestartBackoffConfig& config)
      : index(index_in), backoff(config) {}
  bool running() const { return pid > 0; }

  int index;
  RestartBackoff backoff;
  pid_t pid = 0;
  int pidfd = -1;  // readable once the process has ended
  MonotonicTime since;
  MonotonicTime start_at;  // when not running
};

class Supervisor {
 public:
  Supervisor(const SupervisorOptions& options, const WorkerLauncher& launch, StopSignals& signals,
             const Clock& clock, Logger& logger)
      : options_(options), launch_(launch), signals_(signals), clock_(clock), logger_(logger) {
    for (int i = 1; i <= options.workers; ++i) workers_.emplace_back(i, options.backoff);
  }

  int Run() {
    while (!stopping_ || AnyRunning()) {
      if (!stopping_) StartDue();
      if (stopping_ && clock_.Now() >= kill_at_) Signal(SIGKILL);
      WaitForSomething();
      if (const int signal = signals_.Take(); signal != 0) OnSignal(signal);
      for (Worker& worker : workers_) Reap(worker);
    }
    return all_clean_ ? EXIT_SUCCESS : EXIT_FAILURE;
  }

 private:
  bool AnyRunning() const {
    return std::any_of(workers_.begin(), workers_.end(),
                       [](const Worker& worker) { return worker.running(); });
  }

  void StartDue() {
    const MonotonicTime now = clock_.Now();
    for (Worker& worker : workers_) {
      if (worker.running() || now < worker.start_at) continue;
      worker.since = now;
      worker.pid = launch_(worker.index);
      if (worker.pid < 0) {
        logger_.Error("worker not started",
                      {{"worker", worker.index}, {"error", std::strerror(errno)}});
        worker.pid = 0;
        worker.start_at = now + worker.backoff.OnDeath(Duration::zero());
        continue;
      }
      worker.pidfd = static_cast<int>(::syscall(SYS_pidfd_open, worker.pid, 0));
      logger_.Info("worker started",
                   {{"worker", worker.index}, {"pid", static_cast<int>(worker.pid)}});
    }
  }

  // A signal, the end of a worker, or the time when something is due.
  void WaitForSomething() {
    std::vector<pollfd> watched = {{signals_.fd(), POLLIN, 0}};
    MonotonicTime wake = stopping_ ? kill_at_ : clock_.Now() + std::chrono::hours(1);
    for (const Worker& worker : workers_) {
      if (worker.running()) watched.push_back({worker.pidfd, POLLIN, 0});
      if (!worker.running() && !stopping_) wake = std::min(wake, worker.start_at);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(wake - clock_.Now());
    ::poll(watched.data(), watched.size(),
           static_cast<int>(std::max<std::int64_t>(0, left.count())));
  }

  void OnSignal(int signal) {
    if (stopping_) {
      logger_.Warn("stopping at once", {{"signal", signal}});
      all_clean_ = false;
      return Signal(SIGKILL);
    }
    logger_.Info("stopping", {{"signal", signal}});
    stopping_ = true;
    if (options_.on_stopping) options_.on_stopping();
    kill_at_ = clock_.Now() + options_.kill_after;
    Signal(SIGTERM);
  }

  void Signal(int signal) {
    for (const Worker& worker : workers_) {
      if (worker.running()) ::kill(worker.pid, signal);
    }
    if (signal == SIGKILL) kill_at_ = clock_.Now() + options_.kill_after;
  }

  void Reap(Worker& worker) {
    int status = 0;
    if (!worker.running() || ::waitpid(worker.pid, &status, WNOHANG) != worker.pid) return;
    const MonotonicTime now = clock_.Now();
    const Duration lived = now - worker.since;
    const bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    ::close(std::exchange(worker.pidfd, -1));
    const pid_t pid = std::exchange(worker.pid, 0);
    if (stopping_) {
      all_clean_ &= clean;
      logger_.Info("worker ended",
                   {{"worker", worker.index}, {"pid", static_cast<int>(pid)}, {"clean", clean}});
      return;
    }
    const Duration wait = worker.backoff.OnDeath(lived);
    worker.start_at = now + wait;
    logger_.Error("worker died",
                  {{"worker", worker.index},
                   {"pid", static_cast<int>(pid)},
                   {"signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0},
                   {"exitCode", WIFEXITED(status) ? WEXITSTATUS(status) : -1},
                   {"restartInMs", std::chrono::duration<double, std::milli>(wait).count()}});
  }

  const SupervisorOptions options_;
  const WorkerLauncher& launch_;
  StopSignals& signals_;
  const Clock& clock_;
  Logger& logger_;
  std::vector<Worker> workers_;
  bool stopping_ = false;
  bool all_clean_ = true;
  MonotonicTime kill_at_;
};

}  // namespace

int RunSupervisor(const SupervisorOptions& options, const WorkerLauncher& launch,
                  StopSignals& signals, const Clock& clock, Logger& logger) {
  return Supervisor(options, launch, signals, clock, logger).Run();
}

// A new program, not only a new process: neither gRPC nor the logger's thread survives a bare fork.
WorkerLauncher MakeWorkerLauncher(char** argv, const EnvironmentMap& environment,
                                  const std::vector<int>& listen_fds) {
  return [argv, environment, listen_fds](int index) {
    EnvironmentMap variables = environment;
    variables["GATEWAY_WORKER"] = StrCat(index);
    variables["GATEWAY_LISTEN_FDS"] = absl::StrJoin(listen_fds, ",");
    std::vector<std::string> lines;
    for (const auto& [name, value] : variables) lines.push_back(StrCat(name, "=", value));
    std::vector<char*> pointers;
    for (std::string& line : lines) pointers.push_back(line.data());
    pointers.push_back(nullptr);

    const pid_t supervisor = ::getpid();
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    // Between fork and exec only what is safe after a fork of a process with threads.
    // A process group of its own: a signal to the supervisor's group (Ctrl-C in a terminal) would
    // reach a worker beside the supervisor's SIGTERM, and a second signal ends it at once.
    ::setpgid(0, 0);
    // A terminal with `stty tostop` would otherwise stop it when it logs.
    ::signal(SIGTTOU, SIG_IGN);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != supervisor) ::_exit(EXIT_FAILURE);
    for (const int fd : listen_fds) ::fcntl(fd, F_SETFD, 0);
    ::execve("/proc/self/exe", argv, pointers.data());
    ::_exit(127);
  };
}

}  // namespace scaleout::gateway
