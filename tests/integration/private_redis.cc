#include "tests/integration/private_redis.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "common/clock.h"
#include "common/str_cat.h"
#include "redis/redis_client.h"
#include "tests/support/eventually.h"

namespace scaleout::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kStartLimit{60};
// Another program may take the port before the server does.
constexpr int kPortAttempts = 5;

[[noreturn]] void Die(const std::string& why) {
  std::cerr << "private Redis: " << why << std::endl;
  std::abort();
}

std::string RandomPassword() {
  std::random_device random;
  std::string password;
  for (int i = 0; i < 4; ++i) password += std::to_string(random());
  return password;
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    Die("no free port");
  }
  close(fd);
  return ntohs(address.sin_port);
}

pid_t Spawn(const fs::path& configuration, const fs::path& log) {
  const pid_t child = fork();
  if (child != 0) return child;
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  execlp("redis-server", "redis-server", configuration.c_str(), nullptr);
  _exit(127);
}

}  // namespace

FrozenRedis::FrozenRedis(pid_t server) : server_(server) {
  kill(server_, SIGSTOP);
  // The signal is on its way until the server has stopped.
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(server_), &info, WSTOPPED | WNOWAIT) != 0) {
    Die("the server is not to be stopped");
  }
}

FrozenRedis::~FrozenRedis() { kill(server_, SIGCONT); }

PrivateRedis::PrivateRedis(const PrivateRedisOptions& options)
    : options_(options), password_(RandomPassword()) {
  std::string name = (fs::temp_directory_path() / "redistest-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) Die("cannot make a directory");
  directory_ = name;
  remover_ = std::make_unique<ServerRemover>(directory_);
  fs::create_directory(directory_ / "data");
  for (int attempt = 0; attempt < (options_.tcp ? kPortAttempts : 1); ++attempt) {
    if (options_.tcp) port_ = FreePort();
    WriteConfiguration({});
    if (Run()) return;
  }
  Die("the server did not start, see " + (directory_ / "redis.log").string());
}

PrivateRedis::~PrivateRedis() {
  if (server_ != 0) Kill();
}

void PrivateRedis::WriteConfiguration(const std::vector<std::string>& more) const {
  const fs::path path = directory_ / "redis.conf";
  std::ofstream file(path);
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  file << "bind 127.0.0.1\nport " << port_ << "\nunixsocket " << server().address.unix_path
       << "\nunixsocketperm 700\ndir " << (directory_ / "data").string() << "\nrequirepass "
       << password_ << "\nsave \"\"\n";
  for (const std::string& line : options_.configuration) file << line << '\n';
  for (const std::string& line : more) file << line << '\n';
}

bool PrivateRedis::Run() {
  server_ = Spawn(directory_ / "redis.conf", directory_ / "redis.log");
  RedisClient client(server(), {.retry_pause = Duration::zero()}, SystemClock());
  bool answers = false;
  Eventually(
      [&] {
        answers = client.Ask({"PING"}).ok() || client.connected();
        if (answers) return true;
        if (waitpid(server_, nullptr, WNOHANG) != server_) return false;
        server_ = 0;
        return true;
      },
      kStartLimit);
  return answers;
}

void PrivateRedis::Start(const std::vector<std::string>& configuration) {
  WriteConfiguration(configuration);
  if (!Run()) Die("the server did not start, see " + (directory_ / "redis.log").string());
}

void PrivateRedis::Stop() { End(SIGTERM); }
void PrivateRedis::Kill() { End(SIGKILL); }

void PrivateRedis::End(int signal) {
  kill(server_, signal);
  waitpid(server_, nullptr, 0);
  server_ = 0;
}

RedisServer PrivateRedis::server() const {
  const RedisAddress address{
      .unix_path = (directory_ / "redis.sock").string(), .host = "", .port = 0};
  return {.address = address, .password = password_};
}

RedisServer PrivateRedis::tcp_server() const {
  if (port_ == 0) Die("it was made without TCP");
  const RedisAddress address{.unix_path = "", .host = "127.0.0.1", .port = port_};
  return {.address = address, .password = password_};
}

RedisReply PrivateRedis::Ask(std::initializer_list<std::string_view> arguments) {
  RedisClient client(server(), {.command_timeout = kStartLimit}, SystemClock());
  absl::StatusOr<RedisReply> reply = absl::UnknownError("not asked");
  Eventually(
      [&] {
        reply = client.Ask(arguments);
        return !absl::StrContains(reply.status().message(), "LOADING");
      },
      kStartLimit);
  if (!reply.ok()) Die(std::string(reply.status().message()));
  return *std::move(reply);
}

int PrivateRedis::CountCalls(std::string_view command) {
  const RedisReply reply = Ask({"INFO", "commandstats"});
  const std::string label = StrCat("cmdstat_", command, ":calls=");
  const std::size_t found = reply.text().find(label);
  if (found == std::string_view::npos) return 0;
  return std::stoi(std::string(reply.text().substr(found + label.size())));
}

}  // namespace scaleout::testing
