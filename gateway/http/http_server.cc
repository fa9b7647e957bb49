#include "gateway/http/http_server.h"

#include <thread>
#include <utility>

#include "common/str_cat.h"
#include "gateway/http/acceptor.h"
#include "gateway/http/connection_table.h"
#include "gateway/runtime/member_job.h"

namespace scaleout::gateway {
namespace {

// How often a drain looks whether it is done. Nothing depends on it but how soon a process ends.
constexpr std::chrono::milliseconds kDrainPoll{10};
// For the first bytes of connections that were accepted last: until they come, such a connection
// looks like an idle one, which a drain closes.
constexpr std::chrono::milliseconds kFirstBytes{100};
// How often timeouts of connections are checked.
constexpr std::chrono::milliseconds kTimeoutCheck{200};

}  // namespace

// What one loop serves with. The public functions may be called from any thread: the loop does what
// they say in its next turn.
class HttpServer::Front {
 public:
  Front(EventLoop& loop, const HttpServerOptions& options,
        std::shared_ptr<const ListenSockets> sockets, const PipelineParts& parts)
      : loop_(loop),
        clock_(parts.clock),
        pipeline_(MakeRequestPipeline(options.pipeline, parts)),
        connections_(loop, parts.clock, options.limits, options.instance_id, *pipeline_,
                     [this] { acceptor_.CheckRoom(); }),
        acceptor_(
            loop, parts.logger, std::move(sockets), [this](int fd) { connections_.Add(fd); },
            [this, most = options.max_connections] { return connections_.size() < most; }) {}

  void Start() { start_.PostTo(loop_); }
  void StopAccepting() { stop_accepting_.PostTo(loop_); }
  // Every connection ends with its next answer; idle ones stay open until CloseIdle.
  void BeginDrain() { begin_drain_.PostTo(loop_); }
  void CloseIdle() { close_idle_.PostTo(loop_); }

  std::size_t connections() const { return connections_.size(); }

 private:
  using Action = MemberJob<Front>;

  void DoStart() {
    acceptor_.Start();
    loop_.After(kTimeoutCheck, timeout_check_);
  }
  void DoStopAccepting() { acceptor_.Stop(); }
  void DoBeginDrain() { connections_.EndAfterAnswers(); }
  void DoCloseIdle() { connections_.CloseIdle(); }

  void CheckTimeouts() {
    connections_.CheckTimeouts(clock_.Now());
    acceptor_.EndPause();
    loop_.After(kTimeoutCheck, timeout_check_);
  }

  EventLoop& loop_;
  const Clock& clock_;
  const std::unique_ptr<ExchangeHandler> pipeline_;
  ConnectionTable connections_;
  Acceptor acceptor_;
  MemberJob<Front, TimerJob> timeout_check_{*this, &Front::CheckTimeouts};
  Action start_{*this, &Front::DoStart};
  Action stop_accepting_{*this, &Front::DoStopAccepting};
  Action begin_drain_{*this, &Front::DoBeginDrain};
  Action close_idle_{*this, &Front::DoCloseIdle};
};

HttpServer::HttpServer(const HttpServerOptions& options, EventLoops& loops, ListenSockets sockets,
                       const PipelineParts& parts)
    : loops_(loops), sockets_(std::make_shared<ListenSockets>(std::move(sockets))), parts_(parts) {
  for (std::size_t i = 0; i < loops.size(); ++i) {
    fronts_.push_back(std::make_unique<Front>(loops.at(i), options, sockets_, parts_));
    parts_.metrics.AddCallbackGauge(
        "http_server_open_connections", "Open client connections.", {{"loop", StrCat(i)}},
        [front = fronts_[i].get()] { return static_cast<double>(front->connections()); });
  }
  parts_.metrics.AddCallbackGauge("http_server_active_requests",
                                  "Requests that have no answer yet.", {},
                                  [&stats = parts_.stats] { return stats.active.value(); });
}

HttpServer::~HttpServer() { loops_.Stop(); }

absl::Status HttpServer::Start() {
  for (ListenSocket& socket : *sockets_) {
    if (absl::Status listening = socket.Listen(); !listening.ok()) return listening;
  }
  OnEachFront(&Front::Start);
  return absl::OkStatus();
}

bool HttpServer::Drain(const DrainOptions& options, const std::function<bool()>& others_idle) {
  OnEachFront(&Front::BeginDrain);
  std::this_thread::sleep_for(options.grace);
  const std::weak_ptr<ListenSockets> sockets = std::exchange(sockets_, nullptr);
  OnEachFront(&Front::StopAccepting);
  const MonotonicTime end = parts_.clock.Now() + options.timeout;
  if (!WaitUntilClosed(sockets, end)) return false;
  const MonotonicTime end_of_refusal = parts_.clock.Now() + options.refusal;
  std::this_thread::sleep_for(kFirstBytes);
  if (!WaitUntilIdle(end)) return false;
  std::this_thread::sleep_for(end_of_refusal - parts_.clock.Now());
  // A connection that stayed open through the timeout may have begun a request meanwhile.
  if (parts_.stats.active.value() != 0) return false;
  if (others_idle && !WaitFor(others_idle, end)) return false;
  loops_.Stop();
  return true;
}

void HttpServer::OnEachFront(void (Front::*action)()) {
  for (const std::unique_ptr<Front>& front : fronts_) (front.get()->*action)();
}

std::size_t HttpServer::OpenConnections() const {
  std::size_t open = 0;
  for (const std::unique_ptr<Front>& front : fronts_) open += front->connections();
  return open;
}

// Until every loop has taken what waited to be accepted; a blocked one takes its time.
bool HttpServer::WaitUntilClosed(const std::weak_ptr<ListenSockets>& sockets,
                                 MonotonicTime end) const {
  while (!sockets.expired()) {
    if (parts_.clock.Now() >= end) return false;
    std::this_thread::sleep_for(kDrainPoll);
  }
  return true;
}

bool HttpServer::WaitFor(const std::function<bool()>& idle, MonotonicTime end) const {
  while (!idle()) {
    if (parts_.clock.Now() >= end) return false;
    std::this_thread::sleep_for(kDrainPoll);
  }
  return true;
}

// Connections, not only requests: an answer may still be on its way to a slow client.
bool HttpServer::WaitUntilIdle(MonotonicTime end) {
  for (;;) {
    OnEachFront(&Front::CloseIdle);
    if (OpenConnections() == 0 && parts_.stats.active.value() == 0) return true;
    if (parts_.clock.Now() >= end) return parts_.stats.active.value() == 0;
    std::this_thread::sleep_for(kDrainPoll);
  }
}

}  // namespace scaleout::gateway
