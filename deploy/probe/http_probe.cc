#include "deploy/probe/http_probe.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "common/str_cat.h"

namespace scaleout {
namespace {

using Time = std::chrono::steady_clock::time_point;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

bool WaitFor(int fd, short events, Time until) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      until - std::chrono::steady_clock::now());
  if (left.count() <= 0) return false;
  pollfd poll_fd = {fd, events, 0};
  return poll(&poll_fd, 1, static_cast<int>(left.count())) == 1;
}

bool Connect(int fd, const addrinfo& address, Time until) {
  if (connect(fd, address.ai_addr, address.ai_addrlen) == 0) return true;
  if (errno != EINPROGRESS || !WaitFor(fd, POLLOUT, until)) return false;
  int error = 0;
  socklen_t size = sizeof(error);
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

// The first line of the answer, as far as it came in time.
std::string ReadStatusLine(int fd, Time until) {
  std::string answer;
  while (answer.find('\n') == std::string::npos && WaitFor(fd, POLLIN, until)) {
    std::array<char, 512> buffer;
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size <= 0) break;
    answer.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return answer.substr(0, answer.find_first_of("\r\n"));
}

}  // namespace

absl::Status ProbeHttp(const std::string& address, std::chrono::milliseconds timeout) {
  const std::size_t slash = address.find('/');
  const std::size_t colon = address.rfind(':', slash);
  if (slash == std::string::npos || colon == std::string::npos || colon == 0) {
    return absl::InvalidArgumentError(StrCat(address, " is not HOST:PORT/PATH"));
  }
  const Time until = std::chrono::steady_clock::now() + timeout;
  const std::string host = address.substr(0, colon);
  const std::string port = address.substr(colon + 1, slash - colon - 1);
  const std::string request = StrCat("GET ", address.substr(slash), " HTTP/1.1\r\nHost: ", host,
                                     ":", port, "\r\nConnection: close\r\n\r\n");
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return absl::UnavailableError(StrCat(address, ": ", gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, freeaddrinfo);
  const Socket socket(
      ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, found->ai_protocol));
  if (socket.fd() < 0 || !Connect(socket.fd(), *found, until)) {
    return absl::UnavailableError(StrCat(address, ": cannot connect"));
  }
  // So short that it always fits a fresh socket's buffer.
  if (send(socket.fd(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return absl::UnavailableError(StrCat(address, ": cannot send"));
  }
  const std::string line = ReadStatusLine(socket.fd(), until);
  if (line.starts_with("HTTP/1.1 2") || line.starts_with("HTTP/1.0 2")) return absl::OkStatus();
  return absl::UnavailableError(
      StrCat(address, ": ", line.empty() ? std::string("no answer") : line));
}

}  // namespace scaleout
