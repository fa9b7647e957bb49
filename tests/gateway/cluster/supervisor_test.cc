#include "gateway/cluster/supervisor.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/log.h"

namespace scaleout::gateway {
namespace {

// A pipe that the workers of a test write a letter to, so that the test knows what happened and
// when.
class Diary {
 public:
  Diary() { EXPECT_EQ(::pipe(ends_), 0); }
  ~Diary() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void Write(char letter) const { EXPECT_EQ(::write(ends_[1], &letter, 1), 1); }
  char Read() const {
    char letter = 0;
    EXPECT_EQ(::read(ends_[0], &letter, 1), 1);
    return letter;
  }

 private:
  int ends_[2];
};

// Supervises in a child of its own, because signals and children belong to a process. `work` runs
// in each worker.
pid_t Supervise(const SupervisorOptions& options, const std::function<void(int)>& work) {
  const pid_t supervisor = ::fork();
  if (supervisor != 0) return supervisor;
  StopSignals signals;
  const std::unique_ptr<Logger> logger = MakeNullLogger();
  const int exit_code = RunSupervisor(
      options,
      [&work](int index) {
        const pid_t worker = ::fork();
        if (worker == 0) {
          work(index);
          ::_exit(0);
        }
        return worker;
      },
      signals, SystemClock(), *logger);
  ::_exit(exit_code);
}

SupervisorOptions WithWorkers(int workers) {
  SupervisorOptions options;
  options.workers = workers;
  return options;
}

void WaitForStop() {
  StopSignals signals;
  signals.Wait();
}

int ExitCodeOf(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(Supervisor, StartsItsWorkersAndForwardsTheStopSignal) {
  Diary diary;
  const pid_t supervisor = Supervise(WithWorkers(3), [&](int) {
    diary.Write('s');
    WaitForStop();
    diary.Write('e');
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(diary.Read(), 's');
  ::kill(supervisor, SIGTERM);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(diary.Read(), 'e');
  EXPECT_EQ(ExitCodeOf(supervisor), 0);
}

TEST(Supervisor, GivesUpWhatItHoldsBeforeItsWorkersDrain) {
  Diary diary;
  SupervisorOptions options = WithWorkers(1);
  options.on_stopping = [&] { diary.Write('c'); };
  const pid_t supervisor = Supervise(options, [&](int) {
    diary.Write('s');
    WaitForStop();
    diary.Write('e');
  });
  EXPECT_EQ(diary.Read(), 's');
  ::kill(supervisor, SIGTERM);
  EXPECT_EQ(diary.Read(), 'c');
  EXPECT_EQ(diary.Read(), 'e');
  EXPECT_EQ(ExitCodeOf(supervisor), 0);
}

TEST(Supervisor, ReplacesAWorkerThatDies) {
  Diary diary;
  SupervisorOptions options = WithWorkers(1);
  options.backoff.first = std::chrono::milliseconds(1);
  const pid_t supervisor = Supervise(options, [&](int index) {
    diary.Write(static_cast<char>('0' + index));
    static_cast<void>(::raise(SIGKILL));
  });
  for (int i = 0; i < 4; ++i) EXPECT_EQ(diary.Read(), '1');
  ::kill(supervisor, SIGTERM);
  ExitCodeOf(supervisor);
}

TEST(Supervisor, KillsWorkersThatDoNotStop) {
  Diary diary;
  SupervisorOptions options = WithWorkers(2);
  options.kill_after = std::chrono::milliseconds(50);
  const pid_t supervisor = Supervise(options, [&](int) {
    StopSignals deaf;
    diary.Write('s');
    for (;;) ::pause();
  });
  for (int i = 0; i < 2; ++i) EXPECT_EQ(diary.Read(), 's');
  ::kill(supervisor, SIGTERM);
  EXPECT_EQ(ExitCodeOf(supervisor), 1);
}

TEST(Supervisor, ASecondSignalEndsItAtOnce) {
  Diary diary;
  const pid_t supervisor = Supervise(WithWorkers(1), [&](int) {
    StopSignals deaf;
    diary.Write('s');
    deaf.Wait();
    diary.Write('t');
    for (;;) ::pause();
  });
  EXPECT_EQ(diary.Read(), 's');
  ::kill(supervisor, SIGTERM);
  EXPECT_EQ(diary.Read(), 't');
  ::kill(supervisor, SIGINT);
  EXPECT_EQ(ExitCodeOf(supervisor), 1);
}

}  // namespace
}  // namespace scaleout::gateway
