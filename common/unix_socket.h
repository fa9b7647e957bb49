// The file of a Unix socket that a process which has ended left behind.
//
// bind() fails where any file is, and gRPC unlinks whatever is there: a program that was started
// twice by mistake would take the socket of the first one away. So the file is removed only if it
// is a socket that refuses connections. Between that check and the caller's bind() another process
// may bind; then the caller's fails. Thread-safe; it does not block.
#ifndef SCALEOUT_COMMON_UNIX_SOCKET_H_
#define SCALEOUT_COMMON_UNIX_SOCKET_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"

namespace scaleout {

// The longest path that a Unix socket can have, in bytes, without the terminating zero.
inline constexpr std::size_t kMaxUnixSocketPath = 107;

// OK if nothing is at `path` any more. UNAVAILABLE, and nothing is touched, if a process listens
// there, the file is no socket, or it cannot be found out. INVALID_ARGUMENT for a path that is too
// long.
absl::Status RemoveStaleUnixSocket(const std::string& path);

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_UNIX_SOCKET_H_
