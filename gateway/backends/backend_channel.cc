#include "gateway/backends/backend_channel.h"

#include <utility>

#include "common/grpc_channel.h"
#include "gateway/backends/completion_threads.h"
#include "gateway/backends/rpc_call.h"

namespace scaleout::gateway {

BackendChannel::BackendChannel(const std::string& target,
                               std::shared_ptr<CompletionThreads> threads)
    : callbacks_(std::make_unique<CallbackCount>()),
      threads_(threads ? std::move(threads) : std::make_shared<CompletionThreads>(1)),
      channel_(MakeServiceChannel(target)) {}

BackendChannel::~BackendChannel() = default;

grpc::CompletionQueue& BackendChannel::queue() { return threads_->queue(); }

}  // namespace scaleout::gateway
