// A blocking client with a read timeout, over TCP or a Unix socket, for tests that speak raw HTTP.
#ifndef SCALEOUT_TESTS_SUPPORT_STREAM_CLIENT_H_
#define SCALEOUT_TESTS_SUPPORT_STREAM_CLIENT_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace scaleout::testing {

class StreamClient {
 public:
  // `address` is "unix:/path", or ends in ":port" on 127.0.0.1.
  explicit StreamClient(const std::string& address, int timeout_seconds = 20) {
    const bool local = address.starts_with("unix:");
    fd_ = ::socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval timeout{timeout_seconds, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    connected_ = local ? ConnectTo(address.substr(5))
                       : ConnectTo(std::atoi(address.c_str() + address.rfind(':') + 1));
  }
  StreamClient(const StreamClient&) = delete;
  StreamClient& operator=(const StreamClient&) = delete;
  ~StreamClient() { Close(); }

  bool connected() const { return connected_; }
  int fd() const { return fd_; }

  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // One response with its body by Content-Length; what there is if the server closes or is silent
  // for too long.
  std::string ReadResponse() {
    for (;;) {
      const std::size_t end = buffer_.find("\r\n\r\n");
      if (end != std::string::npos) {
        const std::size_t length = buffer_.find("Content-Length: ");
        const std::size_t body =
            length < end ? static_cast<std::size_t>(std::atoll(buffer_.c_str() + length + 16)) : 0;
        if (buffer_.size() >= end + 4 + body) {
          std::string response = buffer_.substr(0, end + 4 + body);
          buffer_.erase(0, end + 4 + body);
          return response;
        }
      }
      if (!ReadMore()) return std::exchange(buffer_, {});
    }
  }

  // Everything until the server closes.
  std::string ReadToEnd() {
    while (ReadMore()) {
    }
    return std::exchange(buffer_, {});
  }

  // With a reset instead of a farewell.
  void Abort() {
    linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    Close();
  }

  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  bool ConnectTo(const std::string& path) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    path.copy(to.sun_path, sizeof to.sun_path - 1);
    return ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }

  bool ConnectTo(int port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }

  bool ReadMore() {
    std::array<char, 16384> chunk;
    const ssize_t size = ::recv(fd_, chunk.data(), chunk.size(), 0);
    if (size <= 0) return false;
    buffer_.append(chunk.data(), static_cast<std::size_t>(size));
    return true;
  }

  int fd_ = -1;
  bool connected_ = false;
  std::string buffer_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_STREAM_CLIENT_H_
