#include "common/unix_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/socket_path.h"

namespace scaleout {
namespace {

using ::testing::HasSubstr;

// Listens; the file stays when it is closed.
class BoundSocket {
 public:
  explicit BoundSocket(const std::string& path, int backlog = 1)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(fd_, backlog), 0);
  }
  BoundSocket(const BoundSocket&) = delete;
  BoundSocket& operator=(const BoundSocket&) = delete;
  ~BoundSocket() { ::close(fd_); }

 private:
  const int fd_;
};

TEST(RemoveStaleUnixSocket, RemovesOneThatAProcessLeftBehind) {
  const testing::SocketPath place;
  { const BoundSocket socket(place.path()); }
  ASSERT_TRUE(std::filesystem::exists(place.path()));
  EXPECT_TRUE(RemoveStaleUnixSocket(place.path()).ok());
  EXPECT_FALSE(std::filesystem::exists(place.path()));
  EXPECT_TRUE(RemoveStaleUnixSocket(place.path()).ok()) << "nothing is there";
}

TEST(RemoveStaleUnixSocket, LeavesOneOnWhichAProcessListens) {
  const testing::SocketPath place;
  const BoundSocket socket(place.path());
  const absl::Status status = RemoveStaleUnixSocket(place.path());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("another process listens"));
  EXPECT_TRUE(std::filesystem::exists(place.path()));
}

TEST(RemoveStaleUnixSocket, TakesOneWhoseQueueIsFullForAlive) {
  const testing::SocketPath place;
  const BoundSocket socket(place.path(), 0);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(RemoveStaleUnixSocket(place.path()).code(), absl::StatusCode::kUnavailable) << i;
  }
}

TEST(RemoveStaleUnixSocket, LeavesAFileThatIsNoSocket) {
  const testing::SocketPath place;
  std::ofstream(place.path()) << "precious";
  EXPECT_EQ(RemoveStaleUnixSocket(place.path()).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(std::filesystem::exists(place.path()));
}

TEST(RemoveStaleUnixSocket, RefusesAPathThatNoSocketCanHave) {
  EXPECT_EQ(RemoveStaleUnixSocket("/" + std::string(kMaxUnixSocketPath, 'x')).code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace scaleout
