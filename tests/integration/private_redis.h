// A Redis of the test program's own: in a temporary directory, with a password, reachable through a
// Unix socket in there and, where asked, a free port of 127.0.0.1; gone when the program ends
// however it ends.
//
// It runs as the user of the test program, root too. Several can live at once. It stores nothing
// unless its configuration says so. What a test cannot have ends the program. Used by one thread.
#ifndef SCALEOUT_TESTS_INTEGRATION_PRIVATE_REDIS_H_
#define SCALEOUT_TESTS_INTEGRATION_PRIVATE_REDIS_H_

#include <sys/types.h>

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "redis/redis_address.h"
#include "redis/redis_reply.h"
#include "tests/integration/server_remover.h"

namespace scaleout::testing {

// As long as it lives, the server is stopped (SIGSTOP): connections are accepted by the kernel, and
// nothing is answered.
class FrozenRedis {
 public:
  explicit FrozenRedis(pid_t server);
  ~FrozenRedis();
  FrozenRedis(const FrozenRedis&) = delete;
  FrozenRedis& operator=(const FrozenRedis&) = delete;

 private:
  const pid_t server_;
};

struct PrivateRedisOptions {
  bool tcp = false;
  // Lines of redis.conf, such as "appendonly yes".
  std::vector<std::string> configuration = {};
};

class PrivateRedis {
 public:
  // Running.
  explicit PrivateRedis(const PrivateRedisOptions& options = {});
  PrivateRedis(const PrivateRedis&) = delete;
  PrivateRedis& operator=(const PrivateRedis&) = delete;
  ~PrivateRedis();

  // Over the Unix socket, and over TCP.
  RedisServer server() const;
  RedisServer tcp_server() const;

  // In order, and without (SIGKILL). Both return when the server is gone.
  void Stop();
  void Kill();
  // Where it was, with `configuration` added. Returns when it answers, be it that it still loads.
  void Start(const std::vector<std::string>& configuration = {});
  std::unique_ptr<FrozenRedis> Freeze() { return std::make_unique<FrozenRedis>(server_); }

  // Looks from outside, over a connection of its own, once the server has loaded what it stored.
  // The reply is not an error.
  RedisReply Ask(std::initializer_list<std::string_view> arguments);
  // How often the running server has carried out `command`, such as "set", scripts' calls too.
  int CountCalls(std::string_view command);

 private:
  void WriteConfiguration(const std::vector<std::string>& more) const;
  // Whether it began to answer.
  bool Run();
  void End(int signal);

  const PrivateRedisOptions options_;
  const std::string password_;
  std::filesystem::path directory_;
  std::unique_ptr<ServerRemover> remover_;
  int port_ = 0;  // 0: none
  pid_t server_ = 0;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_INTEGRATION_PRIVATE_REDIS_H_
