#include "redis/redis_resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "common/str_cat.h"

namespace scaleout {
namespace {

absl::StatusOr<RedisAddress> Resolve(const RedisAddress& address, int flags) {
  const auto failed = [&address](int error) {
    return absl::UnavailableError(
        StrCat("Redis: cannot resolve ", address.host, ": ", ::gai_strerror(error)));
  };
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  int error = ::getaddrinfo(address.host.c_str(), nullptr, &hints, &found);
  if (error != 0) return failed(error);
  std::array<char, NI_MAXHOST> host{};
  error = ::getnameinfo(found->ai_addr, found->ai_addrlen, host.data(), host.size(), nullptr, 0,
                        NI_NUMERICHOST);
  ::freeaddrinfo(found);
  if (error != 0) return failed(error);
  RedisAddress resolved = address;
  resolved.host = host.data();
  return resolved;
}

// Without a name server.
absl::StatusOr<RedisAddress> ResolveNumeric(const RedisAddress& address) {
  if (!address.unix_path.empty()) return address;
  return Resolve(address, AI_NUMERICHOST);
}

}  // namespace

absl::StatusOr<RedisAddress> ResolveRedisAddress(const RedisAddress& address) {
  if (!address.unix_path.empty()) return address;
  return Resolve(address, 0);
}

class RedisResolver::Worker {
 public:
  // False: too many wait.
  bool Add(const RedisAddress& address, Done& done) {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= kMaxWaiting) return false;
      waiting_.emplace_back(address, std::move(done));
    }
    wake_.notify_one();
    return true;
  }

 private:
  void Run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (wake_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
      if (stop.stop_requested()) return;
      const auto [address, done] = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      done(ResolveRedisAddress(address));
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<std::pair<RedisAddress, Done>> waiting_;                        // guarded by mutex_
  std::jthread thread_{[this](const std::stop_token& stop) { Run(stop); }};  // last: uses the rest
};

RedisResolver::RedisResolver() : worker_(std::make_unique<Worker>()) {}
RedisResolver::~RedisResolver() = default;

void RedisResolver::Resolve(const RedisAddress& address, Done done) {
  absl::StatusOr<RedisAddress> numeric = ResolveNumeric(address);
  if (numeric.ok()) {
    done(std::move(numeric));
  } else if (!worker_->Add(address, done)) {
    done(absl::UnavailableError(
        StrCat("Redis: cannot resolve ", address.host, ": ", kMaxWaiting, " others wait")));
  }
}

}  // namespace scaleout
