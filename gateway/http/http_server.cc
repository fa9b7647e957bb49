#include "gateway/http/http_server.h"

#include <thread>
#include <utility>

#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

// How often a drain looks whether it is done. Nothing depends on it but how soon a process ends.
constexpr std::chrono::milliseconds kDrainPoll{10};
// For the first bytes of connections that were accepted last: until they come, such a connection
// looks like an idle one, which a drain closes.
constexpr std::chrono::milliseconds kFirstBytes{100};

}  // namespace

HttpServer::HttpServer(const HttpServerOptions& options, ListenSockets sockets,
                       const PipelineParts& parts, const std::vector<LoopLagMonitor*>& monitors)
    : sockets_(std::make_shared<ListenSockets>(std::move(sockets))), parts_(parts) {
  for (std::size_t i = 0; i < monitors.size(); ++i) {
    EventLoopOptions loop;
    loop.index = i;
    loop.listen_sockets = sockets_;
    loop.instance_id = options.pipeline.instance_id;
    loop.limits = options.limits;
    loop.max_connections = options.max_connections;
    pipelines_.push_back(MakeRequestPipeline(options.pipeline, parts_, *monitors[i]));
    loops_.push_back(
        MakeEventLoop(loop, parts_.clock, parts_.logger, *monitors[i], *pipelines_[i]));
    parts_.metrics.AddCallbackGauge(
        "http_server_open_connections", "Open client connections.", {{"loop", StrCat(i)}},
        [open = loops_[i].get()] { return static_cast<double>(open->connections()); });
  }
  parts_.metrics.AddCallbackGauge("http_server_active_requests",
                                  "Requests that have no answer yet.", {},
                                  [&stats = parts_.stats] { return stats.active.value(); });
}

HttpServer::~HttpServer() { OnEachLoop(&EventLoop::Stop); }

absl::Status HttpServer::Start() {
  for (ListenSocket& socket : *sockets_) {
    if (absl::Status listening = socket.Listen(); !listening.ok()) return listening;
  }
  OnEachLoop(&EventLoop::Start);
  return absl::OkStatus();
}

bool HttpServer::Drain(const DrainOptions& options) {
  OnEachLoop(&EventLoop::BeginDrain);
  std::this_thread::sleep_for(options.grace);
  const std::weak_ptr<ListenSockets> sockets = std::exchange(sockets_, nullptr);
  OnEachLoop(&EventLoop::StopAccepting);
  const MonotonicTime end = parts_.clock.Now() + options.timeout;
  if (!WaitUntilClosed(sockets, end)) return false;
  const MonotonicTime end_of_refusal = parts_.clock.Now() + options.refusal;
  std::this_thread::sleep_for(kFirstBytes);
  if (!WaitUntilIdle(end)) return false;
  std::this_thread::sleep_for(end_of_refusal - parts_.clock.Now());
  OnEachLoop(&EventLoop::Stop);
  return true;
}

void HttpServer::OnEachLoop(void (EventLoop::*action)()) {
  for (const std::unique_ptr<EventLoop>& loop : loops_) (loop.get()->*action)();
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

// Connections, not only requests: an answer may still be on its way to a slow client.
bool HttpServer::WaitUntilIdle(MonotonicTime end) {
  for (;;) {
    OnEachLoop(&EventLoop::CloseIdle);
    std::int64_t open = 0;
    for (const std::unique_ptr<EventLoop>& loop : loops_) open += loop->connections();
    if (open == 0 && parts_.stats.active.value() == 0) return true;
    if (parts_.clock.Now() >= end) return parts_.stats.active.value() == 0;
    std::this_thread::sleep_for(kDrainPoll);
  }
}

}  // namespace scaleout::gateway
