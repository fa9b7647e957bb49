#include "gateway/http/listen_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "common/str_cat.h"
#include "common/unix_socket.h"

namespace scaleout::gateway {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr mode_t kForEveryUser = 0666;

struct SocketAddress {
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&storage); }
  sockaddr_in& v4() { return reinterpret_cast<sockaddr_in&>(storage); }
  sockaddr_in6& v6() { return reinterpret_cast<sockaddr_in6&>(storage); }
  sockaddr_un& local() { return reinterpret_cast<sockaddr_un&>(storage); }
  bool is_unix() const { return storage.ss_family == AF_UNIX; }

  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
};

std::optional<SocketAddress> ParseUnixAddress(std::string_view path) {
  SocketAddress result;
  sockaddr_un& local = result.local();
  if (!path.starts_with('/') || path.size() >= sizeof local.sun_path) return std::nullopt;
  local.sun_family = AF_UNIX;
  std::ranges::copy(path, local.sun_path);
  result.size = sizeof local;
  return result;
}

std::optional<SocketAddress> ParseIpAddress(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::uint32_t port = 0;
  const std::string port_text(address.substr(colon + 1));
  if (!absl::SimpleAtoi(port_text, &port) || port > 65535) return std::nullopt;
  std::string host(address.substr(0, colon));

  SocketAddress result;
  if (host.starts_with('[') && host.ends_with(']')) {
    sockaddr_in6& v6 = result.v6();
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    result.size = sizeof v6;
    host = host.substr(1, host.size() - 2);
    if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1) return std::nullopt;
    return result;
  }
  sockaddr_in& v4 = result.v4();
  v4.sin_family = AF_INET;
  v4.sin_port = htons(static_cast<std::uint16_t>(port));
  result.size = sizeof v4;
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) != 1) return std::nullopt;
  return result;
}

std::optional<SocketAddress> ParseAddress(std::string_view address) {
  return address.starts_with(kUnixPrefix) ? ParseUnixAddress(address.substr(kUnixPrefix.size()))
                                          : ParseIpAddress(address);
}

absl::Status Failure(std::string_view what, std::string_view address) {
  return absl::UnavailableError(StrCat("cannot ", what, " ", address, ": ", std::strerror(errno)));
}

int NewSocket(const SocketAddress& address) {
  return ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

// 0 if there is none.
ino_t InodeOf(const char* path) {
  struct stat found {};
  return ::lstat(path, &found) == 0 && S_ISSOCK(found.st_mode) ? found.st_ino : 0;
}

void PrepareTcp(int fd) {
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Accepted connections inherit it: an answer is one write, there is nothing to wait for.
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

bool ListenSocket::IsAddress(std::string_view address) { return ParseAddress(address).has_value(); }

absl::StatusOr<ListenSocket> ListenSocket::Open(std::string_view address, int backlog) {
  std::optional<SocketAddress> parsed = ParseAddress(address);
  if (!parsed) {
    return absl::InvalidArgumentError(
        StrCat("'", address, "' is neither an IP address and a port nor unix:/path"));
  }
  const int fd = NewSocket(*parsed);
  if (fd < 0) return Failure("open a socket for", address);
  ListenSocket socket(fd, backlog);
  if (parsed->is_unix()) {
    const absl::Status removed = RemoveStaleUnixSocket(parsed->local().sun_path);
    if (!removed.ok()) return removed;
  } else {
    PrepareTcp(fd);
  }
  if (::bind(fd, parsed->generic(), parsed->size) != 0) return Failure("bind", address);
  if (parsed->is_unix() && ::chmod(parsed->local().sun_path, kForEveryUser) != 0)
    return Failure("open to every user", address);
  if (!socket.LearnAddress()) return Failure("find", address);
  return socket;
}

absl::StatusOr<ListenSocket> ListenSocket::Adopt(int fd, int backlog) {
  int type = 0;
  socklen_t size = sizeof type;
  const bool stream =
      ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
  ListenSocket socket(fd, backlog);
  if (stream && socket.LearnAddress()) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    return socket;
  }
  socket.fd_ = -1;  // not ours to close
  return absl::InvalidArgumentError(StrCat("descriptor ", fd, " is not a bound stream socket"));
}

bool ListenSocket::LearnAddress() {
  SocketAddress bound;
  if (::getsockname(fd_, bound.generic(), &bound.size) != 0) return false;
  std::array<char, INET6_ADDRSTRLEN> host{};
  std::uint16_t port = 0;
  switch (bound.storage.ss_family) {
    case AF_UNIX:
      address_ = StrCat(kUnixPrefix, bound.local().sun_path);
      inode_ = InodeOf(bound.local().sun_path);
      return inode_ != 0;
    case AF_INET6:
      ::inet_ntop(AF_INET6, &bound.v6().sin6_addr, host.data(), host.size());
      port = ntohs(bound.v6().sin6_port);
      address_ = StrCat("[", host.data(), "]:", port);
      return port != 0;
    case AF_INET:
      ::inet_ntop(AF_INET, &bound.v4().sin_addr, host.data(), host.size());
      port = ntohs(bound.v4().sin_port);
      address_ = StrCat(host.data(), ":", port);
      return port != 0;
    default:
      return false;
  }
}

absl::Status ListenSocket::Listen() {
  if (::listen(fd_, backlog_) != 0) return Failure("listen on", address_);
  if (inode_ != 0 && InodeOf(address_.c_str() + kUnixPrefix.size()) != inode_)
    return absl::UnavailableError(StrCat("another process has replaced ", address_));
  return absl::OkStatus();
}

ListenSocket::ListenSocket(ListenSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      backlog_(other.backlog_),
      address_(std::move(other.address_)),
      inode_(other.inode_) {}

ListenSocket& ListenSocket::operator=(ListenSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(backlog_, other.backlog_);
  std::swap(address_, other.address_);
  std::swap(inode_, other.inode_);
  return *this;
}

ListenSocket::~ListenSocket() { Close(); }

void ListenSocket::Close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace scaleout::gateway
