#include "gateway/http/listen_socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <string>

#include "tests/support/socket_path.h"
#include "tests/support/stream_client.h"

namespace scaleout::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::SocketPath;
using ::testing::StartsWith;
using testing::StreamClient;

absl::StatusCode CodeOfOpening(const std::string& address) {
  return ListenSocket::Open(address, 1).status().code();
}

TEST(ListenSocket, SaysWhatIsNoAddress) {
  const std::string long_path = "unix:/" + std::string(sizeof(sockaddr_un::sun_path), 'x');
  for (const std::string& address :
       {std::string("nonsense"), std::string(), std::string("127.0.0.1:70000"),
        std::string("localhost:80"), std::string("unix:"), std::string("unix:relative"),
        long_path}) {
    EXPECT_FALSE(ListenSocket::IsAddress(address)) << address;
    EXPECT_EQ(CodeOfOpening(address), absl::StatusCode::kInvalidArgument) << address;
  }
}

TEST(ListenSocket, APortRefusesUntilItListensAndIsTakenThen) {
  absl::StatusOr<ListenSocket> first = ListenSocket::Open("127.0.0.1:0", 1);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_THAT(first->address(), MatchesRegex("127\\.0\\.0\\.1:[1-9][0-9]*"));
  EXPECT_FALSE(StreamClient(first->address()).connected());
  ASSERT_TRUE(first->Listen().ok());
  EXPECT_TRUE(StreamClient(first->address()).connected());
  EXPECT_EQ(CodeOfOpening(first->address()), absl::StatusCode::kUnavailable);
}

TEST(ListenSocket, SpeaksIpv6) {
  absl::StatusOr<ListenSocket> socket = ListenSocket::Open("[::]:0", 1);
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_THAT(socket->address(), StartsWith("[::]:"));
}

TEST(ListenSocket, AUnixSocketIsForEveryUserWhoCanReachIt) {
  const SocketPath place;
  absl::StatusOr<ListenSocket> socket = ListenSocket::Open(place.target(), 1);
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_EQ(socket->address(), place.target());
  struct stat made {};
  ASSERT_EQ(::stat(place.path().c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777U, 0666U);
  EXPECT_FALSE(StreamClient(place.target()).connected());
  ASSERT_TRUE(socket->Listen().ok());
  EXPECT_TRUE(StreamClient(place.target()).connected());
}

TEST(ListenSocket, AUnixSocketOnWhichAProcessListensIsTaken) {
  const SocketPath place;
  absl::StatusOr<ListenSocket> first = ListenSocket::Open(place.target(), 1);
  ASSERT_TRUE(first.ok() && first->Listen().ok());
  const absl::Status second = ListenSocket::Open(place.target(), 1).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.message()), HasSubstr(place.path()));
  EXPECT_TRUE(StreamClient(place.target()).connected()) << "and still serves";
}

TEST(ListenSocket, AUnixSocketThatWasLeftBehindIsReplaced) {
  const SocketPath place;
  std::optional<absl::StatusOr<ListenSocket>> first = ListenSocket::Open(place.target(), 1);
  ASSERT_TRUE(first->ok() && (*first)->Listen().ok());
  first.reset();
  EXPECT_FALSE(StreamClient(place.target()).connected()) << "refused, as a port would";
  absl::StatusOr<ListenSocket> second = ListenSocket::Open(place.target(), 1);
  ASSERT_TRUE(second.ok() && second->Listen().ok()) << second.status();
  EXPECT_TRUE(StreamClient(place.target()).connected());
}

TEST(ListenSocket, AUnixSocketThatWasReplacedBeforeItListensIsLost) {
  const SocketPath place;
  absl::StatusOr<ListenSocket> first = ListenSocket::Open(place.target(), 1);
  absl::StatusOr<ListenSocket> second = ListenSocket::Open(place.target(), 1);
  ASSERT_TRUE(first.ok() && second.ok())
      << "no process listens, so the second may take it for a leftover";
  EXPECT_EQ(first->Listen().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(second->Listen().ok());
  EXPECT_TRUE(StreamClient(place.target()).connected());
}

TEST(ListenSocket, AUnixSocketNeedsADirectory) {
  EXPECT_EQ(CodeOfOpening("unix:/nowhere/at/all"), absl::StatusCode::kUnavailable);
}

TEST(ListenSocket, AFileThatIsNoSocketStays) {
  const SocketPath place;
  std::ofstream(place.path()) << "precious";
  EXPECT_EQ(CodeOfOpening(place.target()), absl::StatusCode::kUnavailable);
  std::string content;
  std::ifstream(place.path()) >> content;
  EXPECT_EQ(content, "precious");
}

TEST(ListenSocket, IsAdoptedByAnotherProcessOfItsOwn) {
  const SocketPath place;
  for (const std::string& address : {std::string("127.0.0.1:0"), place.target()}) {
    absl::StatusOr<ListenSocket> opened = ListenSocket::Open(address, 1);
    ASSERT_TRUE(opened.ok()) << opened.status();
    absl::StatusOr<ListenSocket> adopted = ListenSocket::Adopt(::dup(opened->fd()), 1);
    ASSERT_TRUE(adopted.ok()) << adopted.status();
    EXPECT_EQ(adopted->address(), opened->address());
    ASSERT_TRUE(adopted->Listen().ok());
    EXPECT_TRUE(StreamClient(opened->address()).connected()) << "they share it";
  }
}

TEST(ListenSocket, AdoptsNothingElse) {
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int unbound = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  for (const int fd : {file, unbound, 1 << 20}) {
    EXPECT_EQ(ListenSocket::Adopt(fd, 1).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(::close(file), 0) << "it is still the caller's";
  EXPECT_EQ(::close(unbound), 0);
}

}  // namespace
}  // namespace scaleout::gateway
