#include "gateway/backends/auth_backend.h"

#include <algorithm>

#include "gateway/backends/backends.h"
#include "gateway/backends/service_rpcs.h"
#include "scaleout/user/v1/auth.grpc.pb.h"

namespace scaleout::gateway {

BackendGuard& AddCredentialsGuard(Backends& backends, const GuardParts& parts) {
  ResilienceConfig config = parts.config;
  config.attempt_timeout = kCredentialTime;
  config.bulkhead.max_concurrent_calls =
      std::min(config.bulkhead.max_concurrent_calls, kMaxCredentialCalls);
  config.breaker.slow_call_duration = kSilentCredentialTime;
  config.breaker.slow_call_rate_threshold = kNeverSlow;
  return backends.AddGuard(kCredentialsGuard,
                           {config, parts.clock, parts.random, parts.metrics, parts.logger});
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
