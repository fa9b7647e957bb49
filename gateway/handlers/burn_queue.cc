#include "gateway/handlers/burn_queue.h"

#include <algorithm>
#include <coroutine>
#include <utility>

#include "common/status.h"
#include "common/str_cat.h"
#include "gateway/runtime/early_end.h"
#include "gateway/runtime/executor.h"

namespace scaleout::gateway {
namespace {

absl::Status TooManyBurns(Duration retry_after) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(retry_after);
  return WithReason(absl::UnavailableError("This event loop is busy with other burns for longer "
                                           "than this request can wait."),
                    kReasonOverloaded, {{"retryAfterMs", StrCat(ms.count())}});
}

}  // namespace

// A place in a line, from construction to destruction. Awaiting it resumes when the loop is the
// request's, or when its client has left.
class BurnQueue::Turn final : private Job, private CancelListener {
 public:
  Turn(Line& line, RequestContext& context, Duration needed)
      : line_(line), context_(context), needed_(needed) {
    route = context.route;
    line_.turns.push_back(this);
    line_.queued += needed_;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { Leave(); }

  bool await_ready() const noexcept { return context_.cancellation.cancelled(); }
  void await_suspend(std::coroutine_handle<> awaiter) {
    awaiter_ = awaiter;
    context_.cancellation.Add(*this);
    if (line_.turns.front() == this) context_.loop.Defer(*this);
  }
  void await_resume() const noexcept {}

 private:
  void Run() override {
    if (context_.cancellation.cancelled() || turns_ == kTurnsBeforeBurn) {
      awaiter_.resume();
    } else if (++turns_ < kTurnsBeforeBurn) {
      context_.loop.Defer(*this);
    } else {
      context_.loop.Hold(*this);
    }
  }

  // The first in line is on its way to the loop, and notices by itself.
  void OnCancel() override {
    if (line_.turns.front() == this) return;
    Leave();
    context_.loop.Post(*this);
  }

  void Leave() {
    const auto place = std::ranges::find(line_.turns, this);
    if (place == line_.turns.end()) return;
    const bool first = place == line_.turns.begin();
    line_.turns.erase(place);
    line_.queued -= needed_;
    if (first && !line_.turns.empty()) {
      Turn& following = *line_.turns.front();
      following.context_.loop.Defer(following);
    }
  }

  Line& line_;
  RequestContext& context_;
  const Duration needed_;
  int turns_ = 0;
  std::coroutine_handle<> awaiter_;
};

BurnQueue::BurnQueue(std::size_t loops, Burn burn) : burn_(std::move(burn)), lines_(loops) {}

Task<absl::Status> BurnQueue::Run(RequestContext& context, Duration duration) {
  Line& line = lines_[context.loop.index()];
  const MonotonicTime now = context.clock.Now();
  const Duration needed = std::min<Duration>(duration, context.deadline - now);
  absl::Status status = Admit(line, now, needed, context.deadline);
  if (!status.ok()) co_return status;
  {
    Turn turn(line, context, needed);
    co_await turn;
    status = BurnNow(line, context, duration);
  }
  co_return status;
}

absl::Status BurnQueue::Admit(const Line& line, MonotonicTime now, Duration needed,
                              MonotonicTime deadline) {
  const bool may_have_waited = now < line.last_end + kCatchUpTime;
  const Duration waited = may_have_waited ? now - line.last_start : Duration::zero();
  const bool in_time = now + waited + line.queued + needed <= deadline;
  return in_time ? absl::OkStatus() : TooManyBurns(line.queued);
}

absl::Status BurnQueue::BurnNow(Line& line, const RequestContext& context,
                                Duration duration) const {
  if (context.cancellation.cancelled()) return ClientGone();
  const Duration time = std::min(duration, context.Remaining());
  line.last_start = context.clock.Now();
  burn_(context.clock, time);
  line.last_end = context.clock.Now();
  return time < duration ? DeadlinePassed() : absl::OkStatus();
}

}  // namespace scaleout::gateway
