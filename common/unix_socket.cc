#include "common/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/str_cat.h"

namespace scaleout {

absl::Status RemoveStaleUnixSocket(const std::string& path) {
  sockaddr_un address{};
  static_assert(sizeof(address.sun_path) == kMaxUnixSocketPath + 1);
  if (path.size() > kMaxUnixSocketPath) {
    return absl::InvalidArgumentError(
        StrCat(path, " is longer than ", kMaxUnixSocketPath, " bytes"));
  }
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return absl::OkStatus();
  if (!S_ISSOCK(info.st_mode)) {
    return absl::UnavailableError(StrCat(path, " exists and is not a socket"));
  }
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, kMaxUnixSocketPath);
  // Non-blocking, because a process whose queue is full would otherwise hold this one.
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return absl::UnavailableError(StrCat(path, ": ", std::strerror(errno)));
  const bool refused =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
      errno == ECONNREFUSED;
  ::close(probe);
  if (!refused) return absl::UnavailableError(StrCat("another process listens on ", path));
  ::unlink(path.c_str());
  return absl::OkStatus();
}

}  // namespace scaleout
