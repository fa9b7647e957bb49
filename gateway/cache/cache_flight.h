// One question to a service on behalf of all who missed the same value: single flight.
//
// Readers are joined only where their principals and the tokens that they read are equal, so a read
// that begins after a write was answered never waits for a flight from before it. The flight has a
// context of its own: a reader that leaves, or has little time, ends only its own wait. When the
// last one has left, a flight that was not made to refresh a value is cancelled. Loop thread only.
#ifndef SCALEOUT_GATEWAY_CACHE_CACHE_FLIGHT_H_
#define SCALEOUT_GATEWAY_CACHE_CACHE_FLIGHT_H_

#include <coroutine>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/principal.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class FlightWaiter;

// What a service answered, serialized, for all who waited for it.
using SharedAnswer = absl::StatusOr<std::shared_ptr<const std::string>>;
// Asks the service, no longer than to the context's deadline.
using FillFunction = std::function<Task<absl::StatusOr<std::string>>(RequestContext&)>;

struct CacheFlight {
  // On the loop of `request`, with its names and `deadline`, on behalf of `principal`: that of the
  // value's key, which is the same for all who wait.
  CacheFlight(const RequestContext& request, const Principal& principal, MonotonicTime deadline);
  CacheFlight(const CacheFlight&) = delete;
  CacheFlight& operator=(const CacheFlight&) = delete;

  // Gives `answer` to all who wait. Once.
  void End(SharedAnswer answer);
  bool has_waiters() const { return !waiters.empty(); }

  RequestContext context;
  std::string id;  // the value's key and its tokens
  std::list<FlightWaiter*> waiters;
  std::optional<SharedAnswer> answer;
  // It replaces a stale value, and goes on without waiters.
  bool refresh = false;
  // Called when the last waiter has left, unless `refresh`.
  std::function<void()> abandon;
};

// The awaitable of one reader, a local of its coroutine.
class FlightWaiter : private TimerJob, private CancelListener {
 public:
  FlightWaiter(std::shared_ptr<CacheFlight> flight, RequestContext& context);
  FlightWaiter(const FlightWaiter&) = delete;
  FlightWaiter& operator=(const FlightWaiter&) = delete;
  ~FlightWaiter() = default;

  bool await_ready();
  void await_suspend(std::coroutine_handle<> awaiter);
  // The flight's answer; DEADLINE_EXCEEDED or CANCELLED if the reader ended before it.
  SharedAnswer await_resume();

 private:
  friend struct CacheFlight;

  void Run() override;
  void OnCancel() override;
  void Leave();
  void Resume();

  const std::shared_ptr<CacheFlight> flight_;
  RequestContext& context_;
  absl::Status early_end_;
  bool waiting_ = false;
  std::list<FlightWaiter*>::iterator place_;
  std::coroutine_handle<> awaiter_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CACHE_CACHE_FLIGHT_H_
