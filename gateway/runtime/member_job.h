// A job that calls a member function of its owner: `MemberJob<Table> close_{*this, &Table::Close}`.
//
// For an object that is in a loop's lists itself, with one job for each thing that it does there.
// PostTo may be called from any thread, as often as wanted: the function then runs once, after the
// last call or during it. The same job is used either with PostTo or with the executor's own Post
// and Defer, not with both. The owner outlives the job's last turn.
#ifndef SCALEOUT_GATEWAY_RUNTIME_MEMBER_JOB_H_
#define SCALEOUT_GATEWAY_RUNTIME_MEMBER_JOB_H_

#include <atomic>

#include "gateway/runtime/executor.h"

namespace scaleout::gateway {

// `Base` is Job, or TimerJob for a job that Executor::After takes.
template <typename Owner, typename Base = Job>
class MemberJob final : public Base {
 public:
  MemberJob(Owner& owner, void (Owner::*function)()) : owner_(owner), function_(function) {}

  // Posts the job unless it is posted already.
  void PostTo(Executor& loop) {
    if (!posted_.exchange(true)) loop.Post(*this);
  }

  // What was asked before this point is done by this run, what is asked after it by another one.
  void Run() override {
    posted_.store(false);
    (owner_.*function_)();
  }

 private:
  Owner& owner_;
  void (Owner::*const function_)();
  std::atomic<bool> posted_{false};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_MEMBER_JOB_H_
