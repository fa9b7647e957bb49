// The listening socket, made once and shared by every loop (and every worker process) that accepts
// from it.
#ifndef SCALEOUT_GATEWAY_HTTP_LISTEN_SOCKET_H_
#define SCALEOUT_GATEWAY_HTTP_LISTEN_SOCKET_H_

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

namespace scaleout::gateway {

class ListenSocket {
 public:
  // Whether Open understands the address.
  static bool IsAddress(std::string_view address);

  // `address` is "host:port": an IPv4 address or a bracketed IPv6 one, and a port, 0 for any free
  // one. Errors: INVALID_ARGUMENT (not such an address), UNAVAILABLE (taken, or not this
  // machine's).
  // The port is ours then, but whoever connects is refused until Listen.
  static absl::StatusOr<ListenSocket> Open(std::string_view address, int backlog);

  // Takes over a socket that a parent process has opened. INVALID_ARGUMENT if `fd` is not one.
  static absl::StatusOr<ListenSocket> Adopt(int fd, int backlog);

  ListenSocket(ListenSocket&& other) noexcept;
  ListenSocket& operator=(ListenSocket&& other) noexcept;
  ~ListenSocket();

  int fd() const { return fd_; }
  std::uint16_t port() const { return port_; }
  // From now on the kernel completes connections, up to the backlog. Again, or in another process
  // that shares the socket, is harmless. UNAVAILABLE if somebody else listens there meanwhile.
  absl::Status Listen();
  void Close();

 private:
  ListenSocket(int fd, std::uint16_t port, int backlog) : fd_(fd), port_(port), backlog_(backlog) {}

  int fd_ = -1;
  std::uint16_t port_ = 0;
  int backlog_ = 0;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_LISTEN_SOCKET_H_
