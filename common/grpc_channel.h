// A channel to one of our own services, and the deadline of a call over it.
//
// A channel connects by itself, again and again, at least once a second, and balances round-robin
// over the replicas that its target resolves to and that want calls: it watches each one's
// grpc.health.v1 (routing_health.h) and leaves a replica that begins to shut down, before that
// refuses or cancels a call. A server without grpc.health.v1 counts as one that wants calls; one
// that does not know the name does not. There is no retry in a channel. Thread-safe. Made after the
// last fork: gRPC does not survive one.
#ifndef SCALEOUT_COMMON_GRPC_CHANNEL_H_
#define SCALEOUT_COMMON_GRPC_CHANNEL_H_

#include <memory>
#include <string>

#include "common/clock.h"
#include "common/deadline.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace scaleout {

// More than a full page of anything takes.
inline constexpr int kMaxMessageBytes = 4 * 1024 * 1024;

// `target` is a gRPC name: "unix:/path", "dns:///host:port". Connects before the first call needs
// it.
std::shared_ptr<grpc::Channel> MakeServiceChannel(const std::string& target);

// Without effect if it never passes.
void SetDeadline(grpc::ClientContext& context, Deadline deadline, const Clock& clock);

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_GRPC_CHANNEL_H_
