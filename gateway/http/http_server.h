// The gateway's front: event loops over the listening sockets, and the order in which they end.
//
// Start and Drain are called from one thread, that of main. Destroying a server that still has
// requests in flight is a defect: after a drain that timed out the process must leave without
// destructors.
#ifndef SCALEOUT_GATEWAY_HTTP_HTTP_SERVER_H_
#define SCALEOUT_GATEWAY_HTTP_HTTP_SERVER_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "gateway/http/event_loop.h"
#include "gateway/http/listen_socket.h"
#include "gateway/http/request_pipeline.h"
#include "gateway/runtime/loop_lag_monitor.h"

namespace scaleout::gateway {

struct HttpServerOptions {
  PipelineOptions pipeline;
  ConnectionLimits limits;
  std::size_t max_connections = 10'000;  // for each loop
};

struct DrainOptions {
  std::chrono::milliseconds grace{2'000};     // still accepting, so that the balancer can move on
  std::chrono::milliseconds timeout{20'000};  // for what is in flight after that
  // Refusing connections at least so long before it ends, for a balancer that finds gateways by
  // name: it would wait for an address that is gone. From when no process listens any more.
  std::chrono::milliseconds refusal{0};
};

class HttpServer {
 public:
  // As many loops as `monitors`, whose i-th is the i-th loop's. All references outlive the server.
  HttpServer(const HttpServerOptions& options, ListenSockets sockets, const PipelineParts& parts,
             const std::vector<LoopLagMonitor*>& monitors);
  ~HttpServer();

  // Listens and starts the loops. UNAVAILABLE if an address was lost between opening and now.
  absl::Status Start();

  // Accepts for the grace period while answers end their connections, then takes what waits to be
  // accepted, gives the sockets up, finishes what is in flight and stops the loops. False if
  // requests were still in flight at the timeout, or a loop was blocked until then; the loops then
  // still run.
  bool Drain(const DrainOptions& options);

 private:
  void OnEachLoop(void (EventLoop::*action)());
  bool WaitUntilClosed(const std::weak_ptr<ListenSockets>& sockets, MonotonicTime end) const;
  bool WaitUntilIdle(MonotonicTime end);

  std::shared_ptr<ListenSockets> sockets_;  // until the drain; then only the loops have them
  const PipelineParts parts_;
  std::vector<std::unique_ptr<ExchangeHandler>> pipelines_;
  std::vector<std::unique_ptr<EventLoop>> loops_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_HTTP_SERVER_H_
