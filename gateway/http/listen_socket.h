// The addresses that the gateway listens on: TCP ports, and Unix sockets for a proxy on the same
// machine.
//
// Each socket is made once and shared by every loop (and every worker process) that accepts from
// it. Opening and listening are two steps, so that an address that is taken is reported at start,
// while connections are refused until the instance can serve them. The object owns its descriptor.
// Errors are statuses; used by one thread.
#ifndef SCALEOUT_GATEWAY_HTTP_LISTEN_SOCKET_H_
#define SCALEOUT_GATEWAY_HTTP_LISTEN_SOCKET_H_

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace scaleout::gateway {

class ListenSocket {
 public:
  // Whether Open understands the address.
  static bool IsAddress(std::string_view address);

  // `address` is "host:port", an IPv4 address or a bracketed IPv6 one and a port, 0 for any free
  // one; or "unix:/path", at most 107 bytes of path. Errors: INVALID_ARGUMENT (not such an
  // address), UNAVAILABLE (taken, not this machine's, or no place to make a socket).
  // The address is ours then, but connections are refused until Listen; until then another process
  // can take it, which Listen reports.
  //
  // A Unix socket is open to every user of the machine that can reach its directory, as a port on
  // loopback is. A file that a process left behind is replaced; where a process listens, the
  // address is taken. Closing leaves the file, and connections to it are refused.
  static absl::StatusOr<ListenSocket> Open(std::string_view address, int backlog);

  // Takes over a socket that a parent process has opened. INVALID_ARGUMENT if `fd` is not one.
  static absl::StatusOr<ListenSocket> Adopt(int fd, int backlog);

  ListenSocket(ListenSocket&& other) noexcept;
  ListenSocket& operator=(ListenSocket&& other) noexcept;
  ~ListenSocket();

  int fd() const { return fd_; }
  // As Open takes it, with the port that was found free.
  const std::string& address() const { return address_; }
  // From now on the kernel completes connections, up to the backlog. Again, or in another process
  // that shares the socket, is harmless. UNAVAILABLE if another process listens there meanwhile,
  // or has replaced a Unix socket by its own.
  absl::Status Listen();
  void Close();

 private:
  ListenSocket(int fd, int backlog) : fd_(fd), backlog_(backlog) {}

  // Asks the kernel where the socket is bound. False if it is not.
  bool LearnAddress();

  int fd_ = -1;
  int backlog_ = 0;
  std::string address_;
  ino_t inode_ = 0;  // of a Unix socket's file
};

using ListenSockets = std::vector<ListenSocket>;

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_LISTEN_SOCKET_H_
