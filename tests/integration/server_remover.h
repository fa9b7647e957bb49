// Kills every process of a server, stopped ones too, and removes its directory when this or the
// test program ends, however it ends.
//
// What belongs to the server is what works in the directory "data" of its directory. A process of
// its own, in a group of its own. Several can live at once and end in any order. Used by one
// thread.
#ifndef SCALEOUT_TESTS_INTEGRATION_SERVER_REMOVER_H_
#define SCALEOUT_TESTS_INTEGRATION_SERVER_REMOVER_H_

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <vector>

namespace scaleout::testing {

// The pid of each process of which `accepts`, given its directory in /proc, is true.
std::vector<pid_t> FindProcesses(const std::function<bool(const std::filesystem::path&)>& accepts);

class ServerRemover {
 public:
  explicit ServerRemover(const std::filesystem::path& directory);
  ~ServerRemover();
  ServerRemover(const ServerRemover&) = delete;
  ServerRemover& operator=(const ServerRemover&) = delete;

 private:
  int lifeline_ = -1;
  pid_t process_ = 0;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_INTEGRATION_SERVER_REMOVER_H_
