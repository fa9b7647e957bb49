// One gateway process, wired: channels to the services, handlers over them, routes over those,
// loops under all.
#ifndef SCALEOUT_GATEWAY_GATEWAY_H_
#define SCALEOUT_GATEWAY_GATEWAY_H_

#include "common/log.h"
#include "common/stop_signals.h"
#include "gateway/config.h"
#include "gateway/http/listen_socket.h"

namespace scaleout::gateway {

// Serves until a stop signal and drains. The process's exit code: 0 after a complete drain, 1 if
// requests were cut off.
int RunGateway(const GatewayConfig& config, ListenSockets sockets, StopSignals& signals,
               Logger& logger);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_GATEWAY_H_
