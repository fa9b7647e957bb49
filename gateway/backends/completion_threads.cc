#include "gateway/backends/completion_threads.h"

#include <grpcpp/completion_queue.h>
#include <pthread.h>

#include "common/str_cat.h"
#include "gateway/backends/rpc_call.h"

namespace scaleout::gateway {

CompletionThreads::CompletionThreads(std::size_t threads)
    : queue_(std::make_unique<grpc::CompletionQueue>()) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, i] {
      pthread_setname_np(pthread_self(), StrCat("rpc-", i).c_str());
      Run();
    });
  }
}

CompletionThreads::~CompletionThreads() {
  queue_->Shutdown();
  for (std::thread& thread : threads_) thread.join();
}

void CompletionThreads::Run() {
  void* tag = nullptr;
  bool ok = false;  // always true: an end of a call is an end, whatever its status
  while (queue_->Next(&tag, &ok)) static_cast<PendingRpc*>(tag)->OnDone();
}

}  // namespace scaleout::gateway
