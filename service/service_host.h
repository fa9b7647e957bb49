// The host of a gRPC service: everything that is the same for all of them.
//
//   starting -> serving <-> not serving (the database cannot be reached) -> draining -> stopped
//
// It listens on several addresses, Unix sockets too (the socket file of a process that has ended is
// removed, that of a running one is not), and answers grpc.health.v1 ("" and each service),
// reflection unless it is off, and the metrics page. The drain: on the first SIGTERM or SIGINT
// health becomes NOT_SERVING and new calls are served for the grace; then clients get GOAWAY, and
// running calls have the timeout to end. A client that has no call left and does not close its
// connection is disconnected. A second signal exits at once. Connections live max_connection_age,
// so that clients find new replicas. gRPC's callback API hands calls to a bounded WorkerPool
// (docs/adr/2026-11-20-service-workers.md).
#ifndef SCALEOUT_SERVICE_SERVICE_HOST_H_
#define SCALEOUT_SERVICE_SERVICE_HOST_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/stop_signals.h"
#include "service/service_config.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace scaleout {

class ServiceCalls;

class ServiceHost {
 public:
  // The references must outlive the host.
  ServiceHost(const ServiceConfig& config, Logger& logger, Metrics& metrics, const Clock& clock);
  // Stops at once if it still runs.
  ~ServiceHost();
  ServiceHost(const ServiceHost&) = delete;
  ServiceHost& operator=(const ServiceHost&) = delete;

  ServiceCalls& calls();
  // Further ones, with workers and a queue of their own, for RPCs that would keep those of the
  // others. They live as long as the host. Before Start().
  ServiceCalls& AddCalls(int threads, std::size_t max_queued);

  // Before Start(). `name` is the full one, for the health service; `service` must outlive the
  // host's serving.
  void Add(std::string name, grpc::Service& service);

  // UNAVAILABLE naming the address that cannot be had.
  absl::Status Start();
  // What health says, from any thread and at any time; at first it says NOT_SERVING.
  void SetServing(bool serving);
  // Ends Run() with exit code 1, from any thread: the process cannot do its work.
  void Fail(const absl::Status& status);
  // Start(), then until a signal or Fail(), then drains. The process's exit code.
  int Run(StopSignals& signals);

  // Of the first TCP address; for tests that listen on port 0.
  int port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_SERVICE_HOST_H_
