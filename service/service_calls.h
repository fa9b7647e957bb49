// What every RPC of every service goes through, written once.
//
// Start() takes a call off gRPC's thread, gives it a CallContext and a worker thread, and
// afterwards answers, counts (rpc_server_call_duration_seconds{method,code}, from arrival to
// answer) and logs: a debug line for each call, a warning for those that are the service's own
// fault, rate-limited with the number held back. A call whose client gave up while it was queued
// does no work. When the queue is full the answer is UNAVAILABLE with reason OVERLOADED, at once.
// Thread-safe.
#ifndef SCALEOUT_SERVICE_SERVICE_CALLS_H_
#define SCALEOUT_SERVICE_SERVICE_CALLS_H_

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/call_context.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "service/lab_delay.h"
#include "service/worker_pool.h"

namespace scaleout {

class ServiceCalls {
 public:
  // One RPC's name, instruments and log limit.
  class Method;

  // The references must outlive it, and it the server.
  ServiceCalls(WorkerPool& workers, Logger& logger, Metrics& metrics, const Clock& clock,
               const LabDelayOptions& lab_delay = {});
  ~ServiceCalls();
  ServiceCalls(const ServiceCalls&) = delete;
  ServiceCalls& operator=(const ServiceCalls&) = delete;

  // `name` is the full one, "scaleout.user.v1.UserService/GetUser". Lives as long as this. Before
  // the server starts.
  Method& AddMethod(std::string_view name);

  // Calls that are not answered yet.
  std::int64_t active() const;

  // For the body of a callback service's method. `work` may block; it fills the response that gRPC
  // passed in. `request` only decides whether the lab delays the call.
  grpc::ServerUnaryReactor* Start(Method& method, grpc::CallbackServerContext* context,
                                  const google::protobuf::Message& request,
                                  std::function<absl::Status(const CallContext&)> work);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_SERVICE_CALLS_H_
