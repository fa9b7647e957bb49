// A PostgreSQL of the test program's own: a cluster in a temporary directory, reachable through a
// unix socket in there and nothing else, gone when the program ends however it ends.
//
// Works as root too, by running the server as the user postgres (or `nobody`). Programs can run
// side by side, each with its own. Durability is switched off, which shows only if the machine goes
// down. Used by one thread.
#ifndef SCALEOUT_TESTS_INTEGRATION_PRIVATE_POSTGRES_H_
#define SCALEOUT_TESTS_INTEGRATION_PRIVATE_POSTGRES_H_

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/server_remover.h"

namespace scaleout::testing {

// As long as it lives, every process of the server is stopped (SIGSTOP): connections are accepted
// by the kernel, and nothing is answered.
class FrozenPostgres {
 public:
  explicit FrozenPostgres(pid_t server);
  ~FrozenPostgres();
  FrozenPostgres(const FrozenPostgres&) = delete;
  FrozenPostgres& operator=(const FrozenPostgres&) = delete;

 private:
  std::vector<pid_t> processes_;
};

class PrivatePostgres {
 public:
  // This program's cluster, running; made at the first call. A test that stops it starts it again.
  static PrivatePostgres& Running();

  PrivatePostgres(const PrivatePostgres&) = delete;
  PrivatePostgres& operator=(const PrivatePostgres&) = delete;

  // A new, empty database; its libpq connection string.
  std::string CreateDatabase();
  // Runs one statement and answers its first value, "" if there is none. Crashes the test program
  // if it fails.
  std::string Ask(const std::string& conninfo, const std::string& sql);

  // "fast": breaks every connection.
  void Stop();
  void Start();
  std::unique_ptr<FrozenPostgres> Freeze() { return std::make_unique<FrozenPostgres>(server_); }

 private:
  PrivatePostgres();
  ~PrivatePostgres();
  std::string Conninfo(const std::string& database) const;

  std::filesystem::path directory_;
  std::unique_ptr<ServerRemover> remover_;
  pid_t server_ = 0;
  int databases_ = 0;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_INTEGRATION_PRIVATE_POSTGRES_H_
