// The gateway's front: on every event loop an acceptor and a table of connections, and the order in
// which they end.
//
// Start and Drain are called from one thread, that of main. The server is destroyed after the loops
// have stopped and before they are destroyed; to do so while requests are in flight is a defect:
// after a drain that timed out the process must leave without destructors.
#ifndef SCALEOUT_GATEWAY_HTTP_HTTP_SERVER_H_
#define SCALEOUT_GATEWAY_HTTP_HTTP_SERVER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gateway/http/http_connection.h"
#include "gateway/http/listen_socket.h"
#include "gateway/http/request_pipeline.h"
#include "gateway/runtime/event_loops.h"

namespace scaleout::gateway {

struct HttpServerOptions {
  std::string instance_id;
  PipelineOptions pipeline;
  ConnectionLimits limits;
  std::size_t max_connections = 10'000;  // for each loop, which then stops accepting until one ends
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
  // All references outlive the server.
  HttpServer(const HttpServerOptions& options, EventLoops& loops, ListenSockets sockets,
             const PipelineParts& parts);
  // Stops the loops if they still run.
  ~HttpServer();

  // Listens; the loops accept as soon as they run. UNAVAILABLE if an address was lost between
  // opening and now.
  absl::Status Start();

  // Accepts for the grace period while answers end their connections, then takes what waits to be
  // accepted, gives the sockets up, finishes what is in flight and stops the loops. False if
  // requests were still in flight at the timeout, or a loop was blocked until then; the loops then
  // still run. `others_idle`, if any, says whether what else uses the loops has nothing under way;
  // that is waited for, too.
  bool Drain(const DrainOptions& options, const std::function<bool()>& others_idle = {});

 private:
  class Front;

  void OnEachFront(void (Front::*action)());
  bool WaitUntilClosed(const std::weak_ptr<ListenSockets>& sockets, MonotonicTime end) const;
  bool WaitUntilIdle(MonotonicTime end);
  bool WaitFor(const std::function<bool()>& idle, MonotonicTime end) const;
  std::size_t OpenConnections() const;

  EventLoops& loops_;
  std::shared_ptr<ListenSockets> sockets_;  // until the drain; then only the loops have them
  const PipelineParts parts_;
  std::vector<std::unique_ptr<Front>> fronts_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_HTTP_SERVER_H_
