#include "tests/load/open_loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <deque>
#include <memory>
#include <random>
#include <string_view>

#include "common/str_cat.h"
#include "tests/load/answer_reader.h"

namespace scaleout::load {
namespace {

constexpr int kEventsATurn = 256;
constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::string_view kIdPlace = "%d";

struct Request {
  MonotonicTime due;
  const std::string* bytes = nullptr;
};

struct Connection {
  ~Connection() { close(fd); }

  int fd = -1;
  bool connected = false;
  bool busy = false;
  Request request;
  AnswerReader reader;
};

// Every request that may be sent, in full.
std::vector<std::string> RenderRequests(const OpenLoopOptions& options) {
  const std::string head_end = StrCat(" HTTP/1.1\r\nHost: 127.0.0.1:", options.port, "\r\n\r\n");
  const std::size_t place = options.path.find(kIdPlace);
  if (place == std::string::npos) return {StrCat("GET ", options.path, head_end)};
  std::vector<std::string> requests;
  for (int id = 1; id <= options.ids; ++id) {
    std::string path = options.path;
    path.replace(place, kIdPlace.size(), std::to_string(id));
    requests.push_back(StrCat("GET ", path, head_end));
  }
  return requests;
}

class OpenLoop {
 public:
  OpenLoop(const OpenLoopOptions& options, const Clock& clock, int epoll)
      : options_(options),
        clock_(clock),
        epoll_(epoll),
        requests_(RenderRequests(options)),
        random_(options.seed),
        gap_(options.rate),
        choice_(0, requests_.size() - 1) {}
  ~OpenLoop() { close(epoll_); }
  OpenLoop(const OpenLoop&) = delete;
  OpenLoop& operator=(const OpenLoop&) = delete;

  absl::StatusOr<OpenLoopReport> Run() {
    const MonotonicTime start = clock_.Now();
    const MonotonicTime end = start + options_.length;
    MonotonicTime due = start + NextGap();
    while (true) {
      const MonotonicTime now = clock_.Now();
      for (; due <= now && due < end; due += NextGap()) Arrive({due, &NextRequest()}, now);
      if (due >= end && unanswered_ == 0) break;
      const MonotonicTime give_up = end + options_.patience;
      if (now >= give_up) break;
      if (!TakeEvents((due < end ? due : give_up) - now)) {
        return absl::UnavailableError("epoll_pwait2 failed");
      }
    }
    report_.failed += unanswered_;
    return std::move(report_);
  }

 private:
  Duration NextGap() {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(gap_(random_)));
  }
  const std::string& NextRequest() { return requests_[choice_(random_)]; }

  void Arrive(const Request& request, MonotonicTime now) {
    ++report_.requests;
    ++unanswered_;
    report_.lateness.push_back(now - request.due);
    waiting_.push_back(request);
    SendWaiting();
    if (!waiting_.empty()) ++report_.waited;
  }

  void SendWaiting() {
    while (!waiting_.empty()) {
      const bool may_open = std::ssize(connections_) < options_.max_connections;
      if (free_.empty() && !may_open) return;
      const Request request = waiting_.front();
      waiting_.pop_front();
      if (free_.empty()) {
        Open(request);
      } else {
        Connection& connection = *free_.back();
        free_.pop_back();
        Start(connection, request);
      }
    }
  }

  void Open(const Request& request) {
    Connection& connection = *connections_.emplace_back(std::make_unique<Connection>());
    ++report_.connections;
    connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    connection.busy = true;
    connection.request = request;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_event wanted{.events = EPOLLIN | EPOLLOUT, .data = {.ptr = &connection}};
    if ((connect(connection.fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0 &&
         errno != EINPROGRESS) ||
        epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &wanted) < 0) {
      Fail(connection);
    }
  }

  void Start(Connection& connection, const Request& request) {
    connection.busy = true;
    connection.request = request;
    const std::string& bytes = *request.bytes;
    // It always fits into the buffer of a connection that idles.
    if (send(connection.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) != std::ssize(bytes)) {
      Fail(connection);
    }
  }

  // False if the system does not wait.
  bool TakeEvents(Duration limit) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(limit);
    const timespec timeout{.tv_sec = seconds.count(), .tv_nsec = (limit - seconds).count()};
    std::array<epoll_event, kEventsATurn> events;
    const int count = epoll_pwait2(epoll_, events.data(), kEventsATurn, &timeout, nullptr);
    if (count < 0 && errno != EINTR) return false;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      Connection& connection = *static_cast<Connection*>(event.data.ptr);
      if (!connection.connected) {
        FinishConnect(connection, event.events);
      } else {
        Read(connection);
      }
    }
    SendWaiting();
    gone_.clear();
    return true;
  }

  void FinishConnect(Connection& connection, std::uint32_t events) {
    epoll_event wanted{.events = EPOLLIN, .data = {.ptr = &connection}};
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 ||
        epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &wanted) < 0) {
      Fail(connection);
      return;
    }
    connection.connected = true;
    Start(connection, connection.request);
  }

  void Read(Connection& connection) {
    const ssize_t count = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0 || !connection.busy) {
      Fail(connection);
      return;
    }
    switch (connection.reader.Take({buffer_.data(), static_cast<std::size_t>(count)})) {
      case AnswerReader::State::kIncomplete:
        return;
      case AnswerReader::State::kBroken:
        Fail(connection);
        return;
      case AnswerReader::State::kComplete:
        Finish(connection);
    }
  }

  void Finish(Connection& connection) {
    --unanswered_;
    connection.busy = false;
    if (connection.reader.status() < 400) {
      report_.latencies.push_back(clock_.Now() - connection.request.due);
    } else {
      ++report_.failed;
    }
    if (connection.reader.closes()) {
      Remove(connection);
    } else {
      free_.push_back(&connection);
    }
  }

  // Closes it; the request that it carries has failed. An idle one may be closed by the server.
  void Fail(Connection& connection) {
    if (connection.busy) {
      --unanswered_;
      ++report_.failed;
    }
    Remove(connection);
  }

  void Remove(Connection& connection) {
    std::erase(free_, &connection);
    const auto found =
        std::ranges::find(connections_, &connection, &std::unique_ptr<Connection>::get);
    // Not at once: there may be an event for it in this turn.
    epoll_ctl(epoll_, EPOLL_CTL_DEL, connection.fd, nullptr);
    gone_.push_back(std::move(*found));
    connections_.erase(found);
  }

  const OpenLoopOptions& options_;
  const Clock& clock_;
  const int epoll_;
  const std::vector<std::string> requests_;
  std::mt19937_64 random_;
  std::exponential_distribution<double> gap_;
  std::uniform_int_distribution<std::size_t> choice_;

  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> free_;
  std::vector<std::unique_ptr<Connection>> gone_;
  std::deque<Request> waiting_;
  std::int64_t unanswered_ = 0;
  std::array<char, kReadBytes> buffer_;
  OpenLoopReport report_;
};

}  // namespace

double OpenLoopReport::PercentileMs(std::vector<Duration> values, double share) {
  if (values.empty()) return 0;
  const auto rank =
      static_cast<std::ptrdiff_t>(std::ceil(share * static_cast<double>(values.size())));
  const auto wanted = values.begin() + std::max<std::ptrdiff_t>(rank - 1, 0);
  std::nth_element(values.begin(), wanted, values.end());
  return std::chrono::duration<double, std::milli>(*wanted).count();
}

absl::StatusOr<OpenLoopReport> RunOpenLoop(const OpenLoopOptions& options, const Clock& clock) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return absl::UnavailableError("no epoll instance");
  return std::make_unique<OpenLoop>(options, clock, epoll)->Run();
}

}  // namespace scaleout::load
