// What a valid access token says: its signature, its issuer, its audience and its times have been
// checked (token_verifier.h), its session has not (session_view.h). A plain value.
#ifndef SCALEOUT_GATEWAY_AUTH_VERIFIED_TOKEN_H_
#define SCALEOUT_GATEWAY_AUTH_VERIFIED_TOKEN_H_

#include <string>

#include "common/clock.h"
#include "common/principal.h"

namespace scaleout::gateway {

struct VerifiedToken {
  Principal principal;     // kCustomer or kAdmin, of a user
  std::string session_id;  // 32 lower-case hexadecimal digits
  WallTime expires;        // refused from then on: `exp` and the leeway of clocks
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_VERIFIED_TOKEN_H_
