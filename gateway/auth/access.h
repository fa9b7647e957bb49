// Who may call a route: what its row in the table (gateway/routes.cc) says, and the authenticator
// enforces.
//
// kPublic: everyone, though a token that is sent is verified. kUser: a client with a valid token.
// kAdmin: one whose token has the role admin. kInternal: probes and scrapers, to whom a token means
// nothing.
#ifndef SCALEOUT_GATEWAY_AUTH_ACCESS_H_
#define SCALEOUT_GATEWAY_AUTH_ACCESS_H_

#include <cstdint>

namespace scaleout::gateway {

enum class Access : std::uint8_t { kPublic, kUser, kAdmin, kInternal };

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_ACCESS_H_
