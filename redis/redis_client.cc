#include "redis/redis_client.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <utility>
#include <vector>

#include "common/str_cat.h"
#include "redis/redis_resolver.h"

namespace scaleout {
namespace {

timespec ToTimespec(Duration duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {.tv_sec = static_cast<time_t>(seconds.count()),
          .tv_nsec = static_cast<long>((duration - seconds).count())};
}

}  // namespace

RedisClient::RedisClient(const RedisServer& server, const RedisClientOptions& options,
                         const Clock& clock)
    : server_(server), options_(options), clock_(clock), next_try_(clock.Now()) {}

RedisClient::~RedisClient() = default;

absl::StatusOr<RedisReply> RedisClient::Ask(std::span<const std::string_view> arguments,
                                            Duration timeout) {
  DropConnectionThatWasClosed();
  if (connection_ == nullptr) {
    if (absl::Status connected = Connect(); !connected.ok()) return connected;
  }
  auto reply = Exchange(arguments, timeout);
  if (reply.ok() && reply->is_error()) return reply->status();
  return reply;
}

absl::StatusOr<RedisReply> RedisClient::Run(const RedisScript& script,
                                            std::span<const std::string_view> keys,
                                            std::span<const std::string_view> arguments) {
  auto reply = Ask(script.Call(keys, arguments));
  if (!absl::IsNotFound(reply.status())) return reply;
  return Ask(script.Call(keys, arguments, /*by_text=*/true));
}

absl::Status RedisClient::Connect() {
  if (clock_.Now() < next_try_) {
    return absl::UnavailableError("Redis: not connected; the next attempt is due later");
  }
  next_try_ = clock_.Now() + options_.retry_pause;
  const auto address = ResolveRedisAddress(server_.address);
  if (!address.ok()) return address.status();
  auto connection = RedisConnection::Connect(*address);
  if (!connection.ok()) return connection.status();
  connection_ = *std::move(connection);
  absl::Status connected = WaitFor(POLLOUT, clock_.Now() + options_.connect_timeout);
  if (connected.ok()) connected = connection_->Flush();
  if (connected.ok()) connected = Authenticate();
  if (!connected.ok()) connection_.reset();
  return connected;
}

absl::Status RedisClient::Authenticate() {
  if (server_.password.empty()) return absl::OkStatus();
  const std::array<std::string_view, 2> auth = {"AUTH", server_.password};
  const auto reply = Exchange(auth, options_.connect_timeout);
  return reply.ok() ? reply->status() : reply.status();
}

// Nothing has been asked, so all that can arrive is the end, or a farewell before it.
void RedisClient::DropConnectionThatWasClosed() {
  if (connection_ == nullptr) return;
  pollfd wait{.fd = connection_->fd(), .events = POLLIN, .revents = 0};
  if (::poll(&wait, 1, 0) != 0) connection_.reset();
}

absl::StatusOr<RedisReply> RedisClient::Exchange(std::span<const std::string_view> arguments,
                                                 Duration timeout) {
  connection_->Append(arguments);
  auto reply = WaitForReply(clock_.Now() + timeout);
  if (!reply.ok()) connection_.reset();
  return reply;
}

absl::StatusOr<RedisReply> RedisClient::WaitForReply(MonotonicTime deadline) {
  while (true) {
    absl::Status status = connection_->Flush();
    if (!status.ok()) return status;
    const bool sent = connection_->unsent() == 0;
    status = WaitFor(static_cast<short>(sent ? POLLIN : POLLIN | POLLOUT), deadline);
    if (!status.ok()) return status;
    status = connection_->Receive();
    if (!status.ok()) return status;
    auto reply = connection_->TakeReply();
    if (!reply.ok()) return reply.status();
    if (reply->has_value()) return **std::move(reply);
  }
}

absl::Status RedisClient::WaitFor(short events, MonotonicTime deadline) const {
  pollfd wait{.fd = connection_->fd(), .events = events, .revents = 0};
  while (true) {
    const Duration left = deadline - clock_.Now();
    if (left <= Duration::zero()) break;
    const timespec limit = ToTimespec(left);
    const int ready = ::ppoll(&wait, 1, &limit, nullptr);
    if (ready > 0) return absl::OkStatus();
    if (ready == 0) break;
    if (errno != EINTR) return absl::UnavailableError(StrCat("Redis: ", std::strerror(errno)));
  }
  return absl::DeadlineExceededError("Redis: the server has not answered in time");
}

}  // namespace scaleout
