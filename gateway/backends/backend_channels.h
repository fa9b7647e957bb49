// The gateway's connections: one gRPC channel for each service, made once at start and shared by
// all loops, with the guard that all calls through it share.
//
// A channel connects by itself, again and again, at least once a second, and balances round-robin
// over what its target resolves to; there is no retry in it (guarded_call.h is the one retry
// layer). Thread-safe. Made after the last fork: gRPC does not survive one.
#ifndef SCALEOUT_GATEWAY_BACKENDS_BACKEND_CHANNELS_H_
#define SCALEOUT_GATEWAY_BACKENDS_BACKEND_CHANNELS_H_

#include <memory>
#include <string>
#include <string_view>

#include "common/log.h"
#include "common/metrics.h"
#include "gateway/backends/backend_guard.h"

namespace grpc {
class Channel;
}

namespace scaleout::gateway {

class CallbackCount;

// More than a full page of anything takes.
inline constexpr int kMaxMessageBytes = 4 * 1024 * 1024;

class BackendChannel {
 public:
  // `target` is a gRPC name: "unix:/path", "dns:///host:port".
  BackendChannel(std::string_view backend, const std::string& target, const GuardParts& parts);
  BackendChannel(const BackendChannel&) = delete;
  BackendChannel& operator=(const BackendChannel&) = delete;
  ~BackendChannel();

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  BackendGuard& guard() { return guard_; }
  const BackendGuard& guard() const { return guard_; }
  CallbackCount& callbacks() { return *callbacks_; }

 private:
  BackendGuard guard_;
  const std::unique_ptr<CallbackCount> callbacks_;
  const std::shared_ptr<grpc::Channel> channel_;
};

struct BackendTargets {
  std::string user;
  std::string order;
  std::string payment;
};

class BackendChannels {
 public:
  BackendChannels(const BackendTargets& targets, const GuardParts& parts);

  // The product catalog is the order service's.
  BackendChannel& user() { return user_; }
  BackendChannel& order() { return order_; }
  BackendChannel& payment() { return payment_; }

  // Blocks until every channel is connected, at most `timeout`: so that a gateway that says it is
  // ready can answer. False if one is not; it goes on trying by itself.
  bool WaitUntilConnected(Duration timeout);

  // Blocks until gRPC's threads have left our callbacks. To be called when the loops have ended,
  // before they are destroyed: a callback may still be waking its loop.
  void WaitForCallbacks();

 private:
  BackendChannel user_;
  BackendChannel order_;
  BackendChannel payment_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_BACKEND_CHANNELS_H_
