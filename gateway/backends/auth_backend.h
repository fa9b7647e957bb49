// The gateway's view of who may log in: AuthService of the user service, one verb (verb.h) for each
// RPC that clients reach (session_backend.h has the others).
//
// Registrations and logins take long on purpose, because of the hash of the password. They have a
// guard of their own, `credentials`, over the user service's channel: a flood of them neither opens
// the breaker of reads nor fills their bulkhead. Nor does it open their own, or the flood would
// lock out everyone: an answer is a success however late it comes, and what the service refuses for
// its queue (OVERLOADED) does not count. Only a service that fails or says nothing opens it. None
// of its RPCs has an idempotency key, because a stored answer would keep tokens. Whether an RPC may
// be repeated is said in the .cc.
#ifndef SCALEOUT_GATEWAY_BACKENDS_AUTH_BACKEND_H_
#define SCALEOUT_GATEWAY_BACKENDS_AUTH_BACKEND_H_

#include <chrono>
#include <string_view>

#include "gateway/backends/backend_guard.h"
#include "gateway/backends/verb.h"
#include "scaleout/user/v1/auth.pb.h"

namespace scaleout::gateway {

class Backends;
struct Backend;

inline constexpr std::string_view kCredentialsGuard = "credentials";

// Of one attempt to register or to log in, which waits for a hash and for those before it.
inline constexpr std::chrono::seconds kCredentialTime{5};
// Silence for so long is a failure, because the service refuses what has to wait for more than
// about 2 s; where a client's deadline left less time it says nothing.
inline constexpr std::chrono::seconds kSilentCredentialTime{4};

// Of them in flight from one gateway. A hash takes the service 25 ms, so these wait for half a
// second; the others of a flood are refused here, which costs a tenth of asking the service.
inline constexpr int kMaxCredentialCalls = 24;

struct AuthBackend {
  Verb<user::v1::RegisterRequest, user::v1::RegisterResponse> Register;
  Verb<user::v1::LoginRequest, user::v1::LoginResponse> Login;
  Verb<user::v1::RefreshRequest, user::v1::RefreshResponse> Refresh;
  Verb<user::v1::LogoutRequest, user::v1::LogoutResponse> Logout;
};

// Adds the guard `credentials` to the list.
BackendGuard& AddCredentialsGuard(Backends& backends, const GuardParts& parts);

// Calls the user service through `users`; both outlive the result.
AuthBackend MakeAuthBackend(Backend& users, BackendGuard& credentials);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_AUTH_BACKEND_H_
