#include "tests/integration/server_remover.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <system_error>

namespace scaleout::testing {
namespace {

namespace fs = std::filesystem;

std::vector<pid_t> ProcessesIn(const fs::path& directory) {
  return FindProcesses([&directory](const fs::path& process) {
    std::error_code error;
    return fs::read_symlink(process / "cwd", error) == directory;
  });
}

// Among them the lifelines of other removers, which would not notice their end.
void CloseDescriptorsExcept(int fd) {
  if (fd > 3) close_range(3, static_cast<unsigned>(fd) - 1, 0);
  close_range(static_cast<unsigned>(fd) + 1, UINT_MAX, 0);
}

}  // namespace

std::vector<pid_t> FindProcesses(const std::function<bool(const fs::path&)>& accepts) {
  std::vector<pid_t> found;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid != 0 && accepts(entry.path())) found.push_back(pid);
  }
  return found;
}

ServerRemover::ServerRemover(const fs::path& directory) {
  int pipe[2];
  if (pipe2(pipe, O_CLOEXEC) != 0) {
    std::cerr << "cannot make a pipe" << std::endl;
    std::abort();
  }
  lifeline_ = pipe[1];
  process_ = fork();
  if (process_ != 0) {
    close(pipe[0]);
    return;
  }
  // Not in the test program's group, which may be killed as a whole.
  setsid();
  CloseDescriptorsExcept(pipe[0]);
  // Reads nothing until the other end is closed, by the destructor or by the program's end.
  char byte = 0;
  while (read(pipe[0], &byte, 1) < 0 && errno == EINTR) {
  }
  // SIGKILL ends stopped processes too. Again, because the server may have made one meanwhile.
  for (std::vector<pid_t> left; !(left = ProcessesIn(directory / "data")).empty();) {
    for (const pid_t process : left) kill(process, SIGKILL);
  }
  std::error_code error;
  fs::remove_all(directory, error);
  _exit(0);
}

ServerRemover::~ServerRemover() {
  close(lifeline_);
  waitpid(process_, nullptr, 0);
}

}  // namespace scaleout::testing
