#include "gateway/http/listen_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

struct SocketAddress {
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&storage); }

  sockaddr_storage storage{};
  socklen_t size = 0;
};

std::optional<SocketAddress> ParseAddress(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::uint32_t port = 0;
  const std::string port_text(address.substr(colon + 1));
  if (!absl::SimpleAtoi(port_text, &port) || port > 65535) return std::nullopt;
  std::string host(address.substr(0, colon));

  SocketAddress result;
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(result.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    result.size = sizeof v6;
    host = host.substr(1, host.size() - 2);
    if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1) return std::nullopt;
    return result;
  }
  auto& v4 = reinterpret_cast<sockaddr_in&>(result.storage);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(static_cast<std::uint16_t>(port));
  result.size = sizeof v4;
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) != 1) return std::nullopt;
  return result;
}

absl::Status Failure(std::string_view what, std::string_view address) {
  return absl::UnavailableError(StrCat("cannot ", what, " ", address, ": ", std::strerror(errno)));
}

std::uint16_t PortOf(int fd) {
  SocketAddress bound;
  bound.size = sizeof bound.storage;
  if (::getsockname(fd, bound.generic(), &bound.size) != 0) return 0;
  return ntohs(bound.storage.ss_family == AF_INET6
                   ? reinterpret_cast<sockaddr_in6&>(bound.storage).sin6_port
                   : reinterpret_cast<sockaddr_in&>(bound.storage).sin_port);
}

}  // namespace

bool ListenSocket::IsAddress(std::string_view address) { return ParseAddress(address).has_value(); }

absl::StatusOr<ListenSocket> ListenSocket::Open(std::string_view address, int backlog) {
  std::optional<SocketAddress> parsed = ParseAddress(address);
  if (!parsed)
    return absl::InvalidArgumentError(StrCat("'", address, "' is not an IP address and a port"));
  const int fd = ::socket(parsed->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Failure("open a socket for", address);
  ListenSocket socket(fd, 0, backlog);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Accepted connections inherit it: an answer is one write, there is nothing to wait for.
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::bind(fd, parsed->generic(), parsed->size) != 0) return Failure("bind", address);

  socket.port_ = PortOf(fd);
  return socket;
}

absl::StatusOr<ListenSocket> ListenSocket::Adopt(int fd, int backlog) {
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM ||
      PortOf(fd) == 0) {
    return absl::InvalidArgumentError(StrCat("descriptor ", fd, " is not a bound TCP socket"));
  }
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return ListenSocket(fd, PortOf(fd), backlog);
}

absl::Status ListenSocket::Listen() {
  if (::listen(fd_, backlog_) != 0) return Failure("listen on", StrCat("port ", port_));
  return absl::OkStatus();
}

ListenSocket::ListenSocket(ListenSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), port_(other.port_), backlog_(other.backlog_) {}

ListenSocket& ListenSocket::operator=(ListenSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(port_, other.port_);
  std::swap(backlog_, other.backlog_);
  return *this;
}

ListenSocket::~ListenSocket() { Close(); }

void ListenSocket::Close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace scaleout::gateway
