// The connection to one service: a gRPC channel (common/grpc_channel.h), made once at start and
// shared by all loops, and the count of the calls that gRPC has not finished with.
//
// There is no retry in a channel (guarded_call.h is the one retry layer). Thread-safe. Made after
// the last fork: gRPC does not survive one.
#ifndef SCALEOUT_GATEWAY_BACKENDS_BACKEND_CHANNEL_H_
#define SCALEOUT_GATEWAY_BACKENDS_BACKEND_CHANNEL_H_

#include <memory>
#include <string>

namespace grpc {
class Channel;
class CompletionQueue;
}  // namespace grpc

namespace scaleout::gateway {

class CallbackCount;
class CompletionThreads;

class BackendChannel {
 public:
  // `target` is a gRPC name: "unix:/path", "dns:///host:port". The ends of its calls come
  // to `threads`; null for one of its own.
  explicit BackendChannel(const std::string& target,
                          std::shared_ptr<CompletionThreads> threads = nullptr);
  BackendChannel(const BackendChannel&) = delete;
  BackendChannel& operator=(const BackendChannel&) = delete;
  ~BackendChannel();

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  CallbackCount& callbacks() { return *callbacks_; }
  grpc::CompletionQueue& queue();

 private:
  const std::unique_ptr<CallbackCount> callbacks_;
  const std::shared_ptr<CompletionThreads> threads_;
  const std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_BACKEND_CHANNEL_H_
