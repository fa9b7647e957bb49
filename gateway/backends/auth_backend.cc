#include "gateway/backends/auth_backend.h"

#include "gateway/backends/patient_guard.h"
#include "gateway/backends/service_rpcs.h"
#include "scaleout/user/v1/auth.grpc.pb.h"

namespace scaleout::gateway {

BackendGuard& AddCredentialsGuard(Backends& backends, const GuardParts& parts) {
  return AddPatientGuard(backends, kCredentialsGuard, parts,
                         {.attempt_timeout = kCredentialTime,
                          .silence = kSilentCredentialTime,
                          .max_calls = kMaxCredentialCalls});
}

AuthBackend MakeAuthBackend(Backend& users, BackendGuard& credentials) {
  const ServiceRpcs<user::v1::AuthService> rpc(users);
  using Rpc = decltype(rpc)::Stub;
  return AuthBackend{
      .Register =
          rpc.GuardedBy(credentials, "Register", Repeat::kNever, &Rpc::PrepareAsyncRegister),
      .Login = rpc.GuardedBy(credentials, "Login", Repeat::kNever, &Rpc::PrepareAsyncLogin),
      // A token whose answer was lost is accepted once more, but that is the client's to use.
      .Refresh = rpc("Refresh", Repeat::kNever, &Rpc::PrepareAsyncRefresh),
      .Logout = rpc("Logout", Repeat::kSafe, &Rpc::PrepareAsyncLogout),
  };
}

}  // namespace scaleout::gateway
