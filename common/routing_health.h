// The name under which a service's grpc.health.v1 says whether new calls should go to this replica.
//
// The channels of the gateways watch this name, and leave a replica that shuts down while it still
// answers (service/health_service.h). It is not the health of the service (the empty name), which
// is NOT_SERVING too while the database is down: the database is down for all replicas alike, and
// a channel that left all of them could not bring their answer.
#ifndef SCALEOUT_COMMON_ROUTING_HEALTH_H_
#define SCALEOUT_COMMON_ROUTING_HEALTH_H_

namespace scaleout {

inline constexpr char kRoutingHealth[] = "scaleout.routing";

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_ROUTING_HEALTH_H_
