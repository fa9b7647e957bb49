#include "redis/redis_connection.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <new>
#include <utility>

#include "common/str_cat.h"
#include "common/unix_socket.h"

namespace scaleout {
namespace {

constexpr std::size_t kReadBytes = std::size_t{16} << 10;
// A buffer that has grown larger is given back once it is empty.
constexpr std::size_t kKeptBufferBytes = std::size_t{256} << 10;

absl::Status Broken(std::string_view what, int error) {
  return absl::UnavailableError(StrCat("Redis: ", what, ": ", std::strerror(error)));
}

// How hiredis's own reader makes replies; they differ between its releases.
const redisReplyObjectFunctions& OwnFunctions() {
  static const redisReplyObjectFunctions functions = [] {
    redisReader* const reader = redisReaderCreate();
    if (reader == nullptr) throw std::bad_alloc();
    const redisReplyObjectFunctions own = *reader->fn;
    redisReaderFree(reader);
    return own;
  }();
  return functions;
}

// hiredis allocates an array for as many elements as the server announces, and newer releases nest
// without a limit. Null ends the reader with REDIS_ERR_OOM. Count is int or size_t, by release.
template <typename Count>
void* MakeBoundedArray(const redisReadTask* task, Count elements) {
  if (static_cast<std::size_t>(elements) > RedisConnection::kMaxArrayElements) return nullptr;
  int depth = 1;
  for (const redisReadTask* parent = task->parent; parent != nullptr; parent = parent->parent) {
    ++depth;
  }
  if (depth > RedisConnection::kMaxArrayDepth) return nullptr;
  return OwnFunctions().createArray(task, elements);
}

redisReader* MakeReader() {
  static redisReplyObjectFunctions functions = [] {
    redisReplyObjectFunctions bounded = OwnFunctions();
    bounded.createArray = &MakeBoundedArray;
    return bounded;
  }();
  redisReader* const reader = redisReaderCreateWithFunctions(&functions);
  if (reader == nullptr) throw std::bad_alloc();
  return reader;
}

// A socket that connects to `address`, and whether it still does.
absl::StatusOr<std::pair<int, bool>> BeginToConnect(const sockaddr* address, socklen_t size) {
  const int fd = ::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Broken("cannot make a socket", errno);
  if (address->sa_family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  if (::connect(fd, address, size) == 0) return std::pair(fd, false);
  // EAGAIN, of a Unix socket whose backlog is full, is not EINPROGRESS: nothing is under way.
  if (errno == EINPROGRESS) return std::pair(fd, true);
  const int error = errno;
  ::close(fd);
  return Broken("cannot connect", error);
}

absl::StatusOr<std::pair<int, bool>> BeginToConnect(const RedisAddress& address) {
  if (!address.unix_path.empty()) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (address.unix_path.size() > kMaxUnixSocketPath) {
      return absl::UnavailableError(
          StrCat("Redis: ", address.unix_path, " is longer than ", kMaxUnixSocketPath, " bytes"));
    }
    address.unix_path.copy(name.sun_path, kMaxUnixSocketPath);
    return BeginToConnect(reinterpret_cast<const sockaddr*>(&name), sizeof(name));
  }
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed =
      ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (failed != 0) {
    return absl::UnavailableError(
        StrCat("Redis: \"", address.host, "\" is no IP address: ", ::gai_strerror(failed)));
  }
  auto begun = BeginToConnect(found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  return begun;
}

void AppendHeader(std::string& out, char type, std::size_t number) {
  std::array<char, 24> text{};
  text[0] = type;
  char* const end = std::to_chars(text.data() + 1, text.data() + text.size(), number).ptr;
  out.append(text.data(), end);
  out.append("\r\n");
}

}  // namespace

void RedisConnection::FreeReader::operator()(redisReader* reader) const { redisReaderFree(reader); }

RedisConnection::RedisConnection(int fd, bool connecting)
    : fd_(fd), connecting_(connecting), reader_(MakeReader()) {}

RedisConnection::~RedisConnection() { ::close(fd_); }

absl::StatusOr<std::unique_ptr<RedisConnection>> RedisConnection::Connect(
    const RedisAddress& address) {
  const auto begun = BeginToConnect(address);
  if (!begun.ok()) return begun.status();
  return std::unique_ptr<RedisConnection>(new RedisConnection(begun->first, begun->second));
}

void RedisConnection::Append(std::span<const std::string_view> arguments) {
  AppendHeader(unsent_, '*', arguments.size());
  for (const std::string_view argument : arguments) {
    AppendHeader(unsent_, '$', argument.size());
    unsent_.append(argument).append("\r\n");
  }
}

absl::Status RedisConnection::FinishConnecting() {
  pollfd wait{.fd = fd_, .events = POLLOUT, .revents = 0};
  if (::poll(&wait, 1, 0) <= 0) return absl::OkStatus();
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return Broken("cannot connect", error);
  connecting_ = false;
  return absl::OkStatus();
}

absl::Status RedisConnection::Flush() {
  if (connecting_) {
    absl::Status finished = FinishConnecting();
    if (!finished.ok() || connecting_) return finished;
  }
  while (unsent() > 0) {
    const ssize_t sent = ::send(fd_, unsent_.data() + sent_, unsent(), MSG_NOSIGNAL);
    if (sent > 0) {
      sent_ += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      return Broken("cannot send", errno);
    }
  }
  // What was sent is removed once it is the larger part, so that each byte moves at most once.
  if (unsent() == 0 && unsent_.capacity() > kKeptBufferBytes) {
    unsent_ = std::string();
    sent_ = 0;
  } else if (sent_ >= unsent_.size() - sent_) {
    unsent_.erase(0, sent_);
    sent_ = 0;
  }
  return absl::OkStatus();
}

absl::Status RedisConnection::Receive() {
  if (connecting_) {
    absl::Status finished = FinishConnecting();
    if (!finished.ok() || connecting_) return finished;
  }
  std::array<char, kReadBytes> bytes;
  ssize_t received = 0;
  do {
    received = ::recv(fd_, bytes.data(), bytes.size(), 0);
  } while (received < 0 && errno == EINTR);
  if (received < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return absl::OkStatus();
    return Broken("cannot receive", errno);
  }
  if (received == 0) return absl::UnavailableError("Redis: the server closed the connection");
  partial_bytes_ += static_cast<std::size_t>(received);
  // It fails only after a reply that could not be read, which TakeReply answers.
  redisReaderFeed(reader_.get(), bytes.data(), static_cast<std::size_t>(received));
  return absl::OkStatus();
}

// The reader looks for a line's end from its beginning each time.
bool RedisConnection::HasOverlongLine() const {
  const std::size_t unread = reader_->len - reader_->pos;
  return unread > kMaxLineBytes &&
         std::memchr(reader_->buf + reader_->pos, '\n', kMaxLineBytes) == nullptr;
}

absl::StatusOr<std::optional<RedisReply>> RedisConnection::TakeReply() {
  void* reply = nullptr;
  if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) {
    if (reader_->err == REDIS_ERR_OOM) {
      return absl::InternalError(StrCat("Redis: a reply has an array of more than ",
                                        kMaxArrayElements, " elements, or more than ",
                                        kMaxArrayDepth, " levels"));
    }
    return absl::InternalError(StrCat("Redis: no reply: ", reader_->errstr));
  }
  if (reply != nullptr) {
    partial_bytes_ = reader_->len - reader_->pos;
    return std::optional<RedisReply>(RedisReply(static_cast<redisReply*>(reply)));
  }
  if (HasOverlongLine()) {
    return absl::InternalError(
        StrCat("Redis: a line of a reply is longer than ", kMaxLineBytes, " bytes"));
  }
  if (partial_bytes_ > kMaxReplyBytes) {
    return absl::InternalError(StrCat("Redis: a reply is longer than ", kMaxReplyBytes, " bytes"));
  }
  return std::optional<RedisReply>();
}

}  // namespace scaleout
