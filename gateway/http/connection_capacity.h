// How many connections each event loop may hold, from the descriptors that the process may open.
//
// A connection is one descriptor. kReservedDescriptors are kept for everything else: listening
// sockets, epoll, timers and events of the loops, gRPC's connections to each replica of each
// backend, logs, and what a library opens for a moment. Without the reserve a gateway that is full
// of clients could no longer reach a service. Pure.
#ifndef SCALEOUT_GATEWAY_HTTP_CONNECTION_CAPACITY_H_
#define SCALEOUT_GATEWAY_HTTP_CONNECTION_CAPACITY_H_

#include <algorithm>
#include <cstddef>

namespace scaleout::gateway {

inline constexpr std::size_t kReservedDescriptors = 256;
// However many descriptors there are: a connection costs memory, too, up to a head's size.
inline constexpr std::size_t kDefaultMaxConnections = 10'000;

// For each of `loops`; 0 if `descriptors` are not enough for a connection of each.
constexpr std::size_t ConnectionsThatFit(std::size_t descriptors, std::size_t loops) {
  return (descriptors - std::min(descriptors, kReservedDescriptors)) / loops;
}

// What each loop may hold: as configured, or the default for 0, but no more than fits.
constexpr std::size_t MaxConnections(std::size_t configured, std::size_t descriptors,
                                     std::size_t loops) {
  return std::min(configured == 0 ? kDefaultMaxConnections : configured,
                  ConnectionsThatFit(descriptors, loops));
}

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_CONNECTION_CAPACITY_H_
