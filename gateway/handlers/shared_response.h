// A response that costs something to make, made at most once for each kMaxSharedAge and given to
// all who ask meanwhile: single flight and a cache of one entry.
//
// The response is the instance's: what one loop has made, the others give, too. A flight, the
// making of a new one, belongs to a loop: requests of that loop that find none wait for it and
// resume together. Loops do not wait for each other's flights, so that one that is blocked delays
// only its own requests; at worst each loop makes one at the same time.
//
// The first request of a flight carries it in its own coroutine, but with a context of its own: a
// client that leaves or has little time does not spoil the response of the others. A request
// therefore takes as long as the flight, at most `time_limit` beyond its own deadline. A response
// that could not be made (an exception) is not kept: INTERNAL for those that waited, and the next
// request tries again. Thread-safe.
#ifndef SCALEOUT_GATEWAY_HANDLERS_SHARED_RESPONSE_H_
#define SCALEOUT_GATEWAY_HANDLERS_SHARED_RESPONSE_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "gateway/http/message.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

// Counted from the beginning of its flight.
inline constexpr Duration kMaxSharedAge = std::chrono::seconds(1);

class SharedResponse {
 public:
  // Makes a new one before the context's deadline.
  using Make = std::function<Task<Response>(RequestContext& context)>;

  // `time_limit` is the deadline of a flight.
  SharedResponse(std::size_t loops, Duration time_limit, Make make);

  Task<absl::StatusOr<Response>> Get(RequestContext& context);

 private:
  class Waiter;

  struct Flight {
    bool in_progress = false;
    std::vector<Waiter*> waiters;
  };

  std::optional<Response> Find(MonotonicTime now) const;
  Task<absl::StatusOr<Response>> Fly(RequestContext& context, Flight& flight);

  const Duration time_limit_;
  const Make make_;
  std::vector<Flight> flights_;  // by the loops' indices; each is its loop's own
  mutable std::mutex mutex_;     // over what follows
  std::optional<Response> response_;
  MonotonicTime made_at_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_SHARED_RESPONSE_H_
