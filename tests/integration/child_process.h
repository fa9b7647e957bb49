// A program of this build, run by a test: with an environment of its own and its output in files.
// It is killed when the object goes, and when the test program dies.
#ifndef SCALEOUT_TESTS_INTEGRATION_CHILD_PROCESS_H_
#define SCALEOUT_TESTS_INTEGRATION_CHILD_PROCESS_H_

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/eventually.h"

namespace scaleout::testing {

class ChildProcess {
 public:
  ChildProcess(const std::vector<std::string>& command,
               const std::map<std::string, std::string>& environment,
               const std::filesystem::path& directory)
      : out_(directory / "stdout"), err_(directory / "stderr") {
    std::vector<std::string> variables;
    for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
    // Of the sanitizers that it may be built with.
    for (const char* name : {"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
      if (const char* value = std::getenv(name)) {
        variables.push_back(std::string(name) + "=" + value);
      }
    }
    const auto pointers = [](const std::vector<std::string>& words) {
      std::vector<char*> result;
      for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
      result.push_back(nullptr);
      return result;
    };
    const std::vector<char*> argv = pointers(command);
    const std::vector<char*> envp = pointers(variables);
    pid_ = fork();
    if (pid_ != 0) return;
    dup2(open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
    dup2(open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execve(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  ~ChildProcess() {
    if (!ended_) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void Signal(int signal) const { kill(pid_, signal); }

  // The exit code (128 + n for signal n); nothing if it still runs after `limit`.
  std::optional<int> Wait(std::chrono::milliseconds limit) {
    int status = 0;
    ended_ = Eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; }, limit);
    if (!ended_) return std::nullopt;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::string out() const { return Read(out_); }
  std::string err() const { return Read(err_); }

 private:
  static std::string Read(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  const std::filesystem::path out_;
  const std::filesystem::path err_;
  pid_t pid_ = 0;
  bool ended_ = false;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_INTEGRATION_CHILD_PROCESS_H_
