#include "gateway/runtime/worker_pool.h"

#include <algorithm>
#include <coroutine>
#include <utility>

#include "common/status.h"

namespace scaleout::gateway {
namespace {

absl::Status Stopped() {
  return WithReason(absl::UnavailableError("This instance is shutting down."), "DRAINING");
}

}  // namespace

// Lives in the frame of Run. Between Enqueue and Run() it belongs to the pool, except for OnCancel.
class WorkerPool::Item final : public Job, public CancelListener {
 public:
  Item(WorkerPool& pool, RequestContext& context, Work work)
      : pool_(pool), context_(context), work_(std::move(work)) {
    route = context.route;
  }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiter) {
    awaiter_ = awaiter;
    // First, so that what was cancelled before is not begun.
    context_.cancellation.Add(*this);
    absl::Status accepted = pool_.Enqueue(*this);
    if (accepted.ok()) return true;
    result_ = std::move(accepted);
    return false;
  }
  absl::Status await_resume() { return std::move(result_); }

  void Run() override { awaiter_.resume(); }
  void OnCancel() override { RequestStop(); }

  void RequestStop() { stop_.request_stop(); }
  void Work() {
    if (stop_.stop_requested()) {
      result_ = absl::CancelledError("The client is gone.");
      return;
    }
    work_(stop_.get_token());
  }
  void Refuse(absl::Status status) { result_ = std::move(status); }
  // The last that may be done with it on the caller's thread.
  void Resume() { context_.loop.Post(*this); }

 private:
  WorkerPool& pool_;
  RequestContext& context_;
  const WorkerPool::Work work_;
  std::stop_source stop_;
  absl::Status result_;
  std::coroutine_handle<> awaiter_;
};

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue_limit) : queue_limit_(queue_limit) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { WorkUntilStopped(); });
}

WorkerPool::~WorkerPool() { Stop(); }

Task<absl::Status> WorkerPool::Run(RequestContext& context, Work work) {
  Item item(*this, context, std::move(work));
  absl::Status status = co_await item;
  co_return status;
}

absl::Status WorkerPool::Enqueue(Item& item) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return Stopped();
    if (waiting_.size() >= queue_limit_) {
      return WithReason(absl::UnavailableError("Too much work is waiting already."),
                        kReasonOverloaded);
    }
    waiting_.push_back(&item);
  }
  wake_.notify_one();
  return absl::OkStatus();
}

void WorkerPool::WorkUntilStopped() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Item* item = waiting_.front();
    waiting_.pop_front();
    running_.push_back(item);
    lock.unlock();
    item->Work();
    lock.lock();
    running_.erase(std::find(running_.begin(), running_.end(), item));
    lock.unlock();
    item->Resume();
    lock.lock();
  }
}

void WorkerPool::Stop() {
  std::deque<Item*> refused;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    refused.swap(waiting_);
    for (Item* item : running_) item->RequestStop();
  }
  wake_.notify_all();
  for (Item* item : refused) {
    item->Refuse(Stopped());
    item->Resume();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace scaleout::gateway
