// Protection against cross-site request forgery: a page of another site can make a browser send a
// POST here, with whatever the browser's user may reach. Applied to every route that changes
// something (routes.cc).
//
// A browser says where a request comes from: in Sec-Fetch-Site (Fetch Metadata, W3C), and where it
// does not send that, in Origin (RFC 6454), whose host and port have to be those of the Host
// header; hence nginx passes Host on as it was sent. A request with neither comes from a program
// such as curl and is let through. No protection against a name that an attacker points at this
// address (DNS rebinding): that request has its own origin. Pure.
#ifndef SCALEOUT_GATEWAY_HANDLERS_SAME_ORIGIN_H_
#define SCALEOUT_GATEWAY_HANDLERS_SAME_ORIGIN_H_

#include "absl/status/status.h"
#include "gateway/http/message.h"

namespace scaleout::gateway {

// PERMISSION_DENIED (403) with the reason CROSS_SITE if a page of another origin sends `request`.
absl::Status CheckSameOrigin(const Request& request);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_SAME_ORIGIN_H_
