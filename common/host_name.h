// The name of this host, which is the default of every instance id: in a container the host's name
// is the container's own, so that replicas differ without being configured.
#ifndef SCALEOUT_COMMON_HOST_NAME_H_
#define SCALEOUT_COMMON_HOST_NAME_H_

#include <string>

namespace scaleout {

// "unknown" if the system gives none.
std::string HostName();

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_HOST_NAME_H_
