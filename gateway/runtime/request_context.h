// What travels down with one request: its names, its deadline, its loop, and whether its client has
// left.
//
// Made by the HTTP server when a request's head has been read, destroyed after its response was
// handed to the socket; every task of the request ends before that. Whatever waits on behalf of a
// request registers with its cancellation and ends early when the client leaves; it looks at
// Remaining() before it starts something, and never lets it last longer. Loop thread only.
#ifndef SCALEOUT_GATEWAY_RUNTIME_REQUEST_CONTEXT_H_
#define SCALEOUT_GATEWAY_RUNTIME_REQUEST_CONTEXT_H_

#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/ip_address.h"
#include "common/principal.h"
#include "gateway/runtime/cache_note.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/rate_limit_note.h"

namespace scaleout::gateway {

// Called once, on the loop's thread, when the client is gone. A member of whatever can be
// cancelled; leaves the list by itself when destroyed.
class CancelListener {
 public:
  CancelListener() = default;
  CancelListener(const CancelListener&) = delete;
  CancelListener& operator=(const CancelListener&) = delete;
  virtual void OnCancel() = 0;

 protected:
  ~CancelListener() { Unlink(); }

 private:
  friend class Cancellation;
  void Unlink() {
    if (previous_) *previous_ = following_;
    if (following_) following_->previous_ = previous_;
    previous_ = nullptr;
    following_ = nullptr;
  }

  CancelListener** previous_ = nullptr;
  CancelListener* following_ = nullptr;
};

// Whether the client has left, and the list of those who want to know: intrusive and doubly linked,
// so that adding and leaving cost nothing and allocate nothing. Cancelled at most once, for good. A
// listener may leave, or be destroyed, from within its own OnCancel or another's.
class Cancellation {
 public:
  bool cancelled() const { return cancelled_; }

  // Calls listener.OnCancel() if and when the request is cancelled; at once if it is already.
  void Add(CancelListener& listener) {
    if (cancelled_) {
      listener.OnCancel();
      return;
    }
    listener.following_ = first_;
    listener.previous_ = &first_;
    if (first_) first_->previous_ = &listener.following_;
    first_ = &listener;
  }

  // Calls every listener, the one that was added last first.
  void Cancel() {
    if (std::exchange(cancelled_, true)) return;
    while (first_) {
      CancelListener& listener = *first_;
      listener.Unlink();
      listener.OnCancel();
    }
  }

 private:
  bool cancelled_ = false;
  CancelListener* first_ = nullptr;
};

struct SharedCall;

// Not copied: jobs and calls of the request refer to it.
struct RequestContext {
  RequestContext(Executor& loop_in, const Clock& clock_in) : loop(loop_in), clock(clock_in) {}
  RequestContext(const RequestContext&) = delete;
  RequestContext& operator=(const RequestContext&) = delete;

  // Time left, never negative.
  Duration Remaining() const {
    const Duration left = deadline - clock.Now();
    return left > Duration::zero() ? left : Duration::zero();
  }

  Executor& loop;
  const Clock& clock;
  std::string request_id;
  std::string traceparent;  // W3C, passed on; empty if the client sent none
  Principal principal;      // on whose behalf; from the access token, before the handler is called
  std::string session_id;   // that token's, 32 hexadecimal digits; empty without one
  IpAddress client;         // from where, as far as that can be believed (auth/client_address.h)
  MonotonicTime deadline;   // the route's or the client's shorter one, whichever comes first
  const RouteDescription* route = nullptr;  // null for none; goes into every Job of this request
  // Where one call is made for several requests together, what it is to them (shared_call.h).
  SharedCall* shared = nullptr;
  // Whether the client wants no answer from a cache, and what the cache did.
  bool revalidate = false;
  CacheNote cache;
  std::vector<RateLimitNote> rate_limits;  // what limits said, for the answer's headers
  Cancellation cancellation;
};

// A part of a request that can be cancelled by itself: the context of `whole`, which outlives it,
// with a cancellation of its own that follows the whole's.
struct PartContext final : RequestContext, private CancelListener {
  explicit PartContext(RequestContext& whole) : RequestContext(whole.loop, whole.clock) {
    request_id = whole.request_id;
    traceparent = whole.traceparent;
    principal = whole.principal;
    client = whole.client;
    deadline = whole.deadline;
    route = whole.route;
    revalidate = whole.revalidate;
    whole.cancellation.Add(*this);
  }

 private:
  void OnCancel() override { cancellation.Cancel(); }
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_REQUEST_CONTEXT_H_
