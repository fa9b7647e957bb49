// Delays that the lab adds to RPCs: a slow network, or keys whose reads are slow, without a proxy.
//
// LAB_RPC_DELAY holds every RPC, LAB_SLOW_KEYS those that name an id that it divides: a single
// request by a field `..._id`, a batch by any of its `keys`. Where both apply the longer one
// counts. A call that is held occupies no worker thread and no place of their queue, counts as
// active from its arrival, and is given to a worker at the end of its delay, also if its client has
// left by then: the worker answers it without work. Off by default, and then the cost is one
// comparison a call. Thread-safe.
#ifndef SCALEOUT_SERVICE_LAB_DELAY_H_
#define SCALEOUT_SERVICE_LAB_DELAY_H_

#include <google/protobuf/message.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

#include "common/clock.h"

namespace scaleout {

struct LabDelayOptions {
  bool on() const { return rpc.count() > 0 || slow_keys > 0; }

  // Of every RPC.
  std::chrono::milliseconds rpc{0};
  // Ids that this divides are slow; 0: none.
  std::int64_t slow_keys = 0;
  std::chrono::milliseconds slow_key{20};
};

class LabDelay {
 public:
  // `clock` must outlive it.
  LabDelay(const LabDelayOptions& options, const Clock& clock) : options_(options), clock_(clock) {}
  // Waits for the delays that run.
  ~LabDelay();
  LabDelay(const LabDelay&) = delete;
  LabDelay& operator=(const LabDelay&) = delete;

  // How long a call with this request is to be held; zero: not at all.
  std::chrono::milliseconds Of(const google::protobuf::Message& request) const {
    return options_.on() ? OfHeld(request) : std::chrono::milliseconds(0);
  }

  // Calls `then` once after `delay`, on a thread of gRPC's, where it must not block.
  void After(std::chrono::milliseconds delay, std::function<void()> then);

 private:
  std::chrono::milliseconds OfHeld(const google::protobuf::Message& request) const;

  const LabDelayOptions options_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::int64_t running_ = 0;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_LAB_DELAY_H_
