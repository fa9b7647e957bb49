// A path for one Unix socket, short enough for the kernel; removed with everything in its
// directory.
#ifndef SCALEOUT_TESTS_SUPPORT_SOCKET_PATH_H_
#define SCALEOUT_TESTS_SUPPORT_SOCKET_PATH_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

namespace scaleout::testing {

class SocketPath {
 public:
  SocketPath() {
    std::string pattern = ::testing::TempDir() + "socketXXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  SocketPath(const SocketPath&) = delete;
  SocketPath& operator=(const SocketPath&) = delete;
  ~SocketPath() { std::filesystem::remove_all(directory_); }

  std::string path() const { return directory_ + "/s"; }
  std::string target() const { return "unix:" + path(); }

 private:
  std::string directory_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_SOCKET_PATH_H_
