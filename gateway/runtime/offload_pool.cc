#include "gateway/runtime/offload_pool.h"

#include <coroutine>
#include <utility>

#include "common/status.h"
#include "gateway/runtime/early_end.h"

namespace scaleout::gateway {
namespace {

absl::Status QueueFull() {
  return WithReason(absl::UnavailableError("Too much work is waiting already."), kReasonOverloaded,
                    {{"retryAfterMs", "1000"}});
}

}  // namespace

// Lives in the frame of Run. The early end and its timer belong to the loop's thread.
class OffloadPool::Item final : public Job, public CancelListener {
 public:
  Item(OffloadPool& pool, RequestContext& context, Work work)
      : pool_(pool), context_(context), work_(std::move(work)), deadline_(*this) {
    route = context.route;
  }

  bool await_ready() {
    if (context_.cancellation.cancelled()) {
      early_end_ = ClientGone();
    } else if (context_.Remaining() == Duration::zero()) {
      early_end_ = DeadlinePassed();
    }
    return !early_end_.ok();
  }
  bool await_suspend(std::coroutine_handle<> awaiter) {
    awaiter_ = awaiter;
    absl::Status accepted = pool_.Enqueue(*this);
    if (!accepted.ok()) {
      result_ = std::move(accepted);
      return false;
    }
    // A thread may have the item already; it resumes the awaiter through the loop, so not yet.
    context_.cancellation.Add(*this);
    context_.loop.After(context_.Remaining(), deadline_);
    return true;
  }
  absl::Status await_resume() {
    return early_end_.ok() ? std::move(result_) : std::move(early_end_);
  }

  void Run() override {
    context_.loop.Cancel(deadline_);
    awaiter_.resume();
  }
  void OnCancel() override { EndEarly(ClientGone()); }

  void DoWork() { work_(stop_.get_token()); }
  void RequestStop() { stop_.request_stop(); }
  void Refuse(absl::Status status) { result_ = std::move(status); }
  // After this the item may be gone.
  void Resume() { context_.loop.Post(*this); }

  // In the list of what waits or of what runs. Under the pool's mutex.
  std::list<Item*>::iterator place;
  bool waiting = false;

 private:
  class Deadline final : public TimerJob {
   public:
    explicit Deadline(Item& item) : item_(item) { route = item.route; }
    void Run() override { item_.EndEarly(DeadlinePassed()); }

   private:
    Item& item_;
  };

  void EndEarly(absl::Status why) {
    if (!early_end_.ok()) return;
    early_end_ = std::move(why);
    if (pool_.Withdraw(*this)) {
      Resume();
    } else {
      RequestStop();
    }
  }

  OffloadPool& pool_;
  RequestContext& context_;
  const Work work_;
  Deadline deadline_;
  std::stop_source stop_;
  absl::Status result_;
  absl::Status early_end_;
  std::coroutine_handle<> awaiter_;
};

OffloadPool::OffloadPool(std::size_t threads, std::size_t queue_limit) : queue_limit_(queue_limit) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { WorkUntilStopped(); });
}

OffloadPool::~OffloadPool() { Stop(); }

Task<absl::Status> OffloadPool::Run(RequestContext& context, Work work) {
  Item item(*this, context, std::move(work));
  absl::Status status = co_await item;
  co_return status;
}

absl::Status OffloadPool::Enqueue(Item& item) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return ShuttingDown();
    if (waiting_.size() + running_.size() >= threads_.size() + queue_limit_) return QueueFull();
    item.place = waiting_.insert(waiting_.end(), &item);
    item.waiting = true;
  }
  wake_.notify_one();
  return absl::OkStatus();
}

bool OffloadPool::Withdraw(Item& item) {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(item.waiting, false)) return false;
  waiting_.erase(item.place);
  return true;
}

void OffloadPool::WorkUntilStopped() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Item* item = waiting_.front();
    running_.splice(running_.end(), waiting_, waiting_.begin());
    item->waiting = false;
    lock.unlock();
    item->DoWork();
    lock.lock();
    running_.erase(item->place);
    lock.unlock();
    item->Resume();
    lock.lock();
  }
}

void OffloadPool::Stop() {
  std::list<Item*> refused;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    refused.swap(waiting_);
    for (Item* item : refused) item->waiting = false;
    for (Item* item : running_) item->RequestStop();
  }
  wake_.notify_all();
  for (Item* item : refused) {
    item->Refuse(ShuttingDown());
    item->Resume();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace scaleout::gateway
