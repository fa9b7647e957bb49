#include "service/metrics_page.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include "common/clock.h"
#include "common/str_cat.h"

namespace scaleout {
namespace {

constexpr std::size_t kMaxHeadBytes = 8192;

class Page final : public MetricsPage {
 public:
  Page(int listener, int stop, const Metrics& metrics)
      : listener_(listener), stop_(stop), metrics_(metrics), thread_([this] { Serve(); }) {}

  ~Page() override {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(stop_, &one, sizeof(one));
    thread_.join();
    close(listener_);
    close(stop_);
  }

  int port() const override {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    if (getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
    const in_port_t port = address.ss_family == AF_INET6
                               ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                               : reinterpret_cast<const sockaddr_in*>(&address)->sin_port;
    return ntohs(port);
  }

 private:
  void Serve() {
    while (WaitFor(listener_, POLLIN, SystemClock().Now() + std::chrono::hours(1)) != kStop) {
      const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (client < 0) continue;
      Answer(client);
      close(client);
    }
  }

  enum Wait { kReady, kTimeout, kStop };

  Wait WaitFor(int fd, short events, MonotonicTime until) const {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - SystemClock().Now());
    if (left.count() <= 0) return kTimeout;
    std::array<pollfd, 2> fds = {{{fd, events, 0}, {stop_, POLLIN, 0}}};
    const int ready = poll(fds.data(), fds.size(), static_cast<int>(left.count()));
    if (ready > 0 && fds[1].revents != 0) return kStop;
    return ready > 0 ? kReady : kTimeout;
  }

  void Answer(int client) const {
    const MonotonicTime until = SystemClock().Now() + kMetricsPageTimeout;
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos) {
      std::array<char, 2048> buffer;
      if (head.size() > kMaxHeadBytes || WaitFor(client, POLLIN, until) != kReady) return;
      const ssize_t size = read(client, buffer.data(), buffer.size());
      if (size <= 0) return;
      head.append(buffer.data(), static_cast<std::size_t>(size));
    }
    const std::string_view line = std::string_view(head).substr(0, head.find("\r\n"));
    const bool known = line.starts_with("GET /metrics ") || line.starts_with("GET /metrics?");
    const std::string body = known ? metrics_.RenderPrometheus() : "the page is GET /metrics\n";
    const std::string answer =
        StrCat(known ? "HTTP/1.0 200 OK" : "HTTP/1.0 404 Not Found",
               "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: ",
               body.size(), "\r\nConnection: close\r\n\r\n", body);
    std::size_t sent = 0;
    while (sent < answer.size() && WaitFor(client, POLLOUT, until) == kReady) {
      const ssize_t size = send(client, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
      if (size < 0 && errno != EAGAIN) return;
      if (size > 0) sent += static_cast<std::size_t>(size);
    }
    // Lets the client read to the end before the connection goes.
    shutdown(client, SHUT_WR);
  }

  const int listener_;
  const int stop_;
  const Metrics& metrics_;
  std::thread thread_;  // last: it uses the rest
};

int Listen(const addrinfo& address) {
  const int fd = socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd, address.ai_addr, address.ai_addrlen) == 0 && listen(fd, 16) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsPage>> MakeMetricsPage(std::string_view address,
                                                             const Metrics& metrics) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) {
    return absl::InvalidArgumentError(StrCat(address, " is not host:port"));
  }
  const std::string host(address.substr(0, colon));
  const std::string port(address.substr(colon + 1));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return absl::UnavailableError(StrCat(address, ": ", gai_strerror(error)));
  }
  const int listener = Listen(*found);
  const int listen_error = errno;
  freeaddrinfo(found);
  if (listener < 0) {
    return absl::UnavailableError(StrCat(address, ": ", std::strerror(listen_error)));
  }
  const int stop = eventfd(0, EFD_CLOEXEC);
  if (stop < 0) {
    close(listener);
    return absl::UnavailableError("no eventfd");
  }
  return std::make_unique<Page>(listener, stop, metrics);
}

}  // namespace scaleout
