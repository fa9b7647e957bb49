#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "redis/revocation_publisher.h"
#include "service/batch_purge.h"
#include "service/events/event_faults.h"
#include "service/events/service_events.h"
#include "service/idempotency/idempotency_purge.h"
#include "service/idempotency/idempotent_writes.h"
#include "service/run_service.h"
#include "services/user/auth_config.h"
#include "services/user/auth_rpc.h"
#include "services/user/auth_service.h"
#include "services/user/revocation_relay.h"
#include "services/user/revocation_store.h"
#include "services/user/schema.h"
#include "services/user/user_events.h"
#include "services/user/user_rpc.h"
#include "services/user/user_service.h"
#include "services/user/user_verbs.h"

namespace scaleout::user {
namespace {

constexpr FaultPoint kFaultPoints[] = {kAfterPublish};

// Calls wait for it.
constexpr RedisClientOptions kRevocationClient = {.connect_timeout = std::chrono::milliseconds(250),
                                                  .command_timeout = std::chrono::milliseconds(250),
                                                  .retry_pause = std::chrono::milliseconds(50)};

// Null without a server.
std::unique_ptr<RevocationPublisher> MakePublisher(const ServiceContext& context) {
  const std::optional<RedisServer>& server = context.config().event_server;
  if (!server) return nullptr;
  return MakeRedisRevocationPublisher(*server, {.client = kRevocationClient}, context.clock());
}

int Serve(const AuthConfig& config, ServiceContext& context) {
  ServiceEvents events(context, PublishedStreams());
  const auto users = MakeUserRepository(context.pool(), events.outbox());
  const auto credentials = MakeCredentialRepository(context.pool(), events.outbox());
  const auto sessions = MakeSessionRepository(context.pool());
  RevocationRelay revocations(MakeRevocationStore(context.pool()), MakePublisher(context),
                              context.clock(), context.logger(), context.metrics());
  PasswordHasher hasher(config.hasher, context.metrics(), context.clock());
  const std::optional<TokenSigner> signer = MakeTokenSigner(config);
  if (!signer) context.logger().Warn("logins are refused: AUTH_SIGNING_KEY is not set");
  const auto writes = MakeIdempotentWrites(events.outbox());
  UserService user_service(*users, *writes, revocations);
  AuthService auth_service(*credentials, *sessions, hasher, signer ? &*signer : nullptr,
                           revocations);
  ServiceCalls& logins =
      context.AddCalls(LoginWorkers(config), static_cast<std::size_t>(config.hasher.max_queued));
  const auto user_rpc = MakeUserRpc(user_service, context.calls());
  const auto auth_rpc = MakeAuthRpc(auth_service, context.calls(), logins);
  BatchPurge session_purge(
      {.name = "session-purge",
       .work = "deleting old sessions",
       .purge = [&](const CallContext& call,
                    std::int32_t most) { return sessions->Purge(call, most); }},
      context.logger(), context.clock());
  BatchPurge key_purge(IdempotencyPurge(context.pool()), context.logger(), context.clock());
  const auto is_ready = [&pool = context.pool()] { return pool.reachable(); };
  session_purge.Start(is_ready);
  key_purge.Start(is_ready);
  events.Start();
  revocations.Start(is_ready);
  return context.Serve({{kUserServiceName, *user_rpc}, {kAuthServiceName, *auth_rpc}});
}

}  // namespace
}  // namespace scaleout::user

int main(int argc, char** argv) {
  using namespace scaleout;
  user::AuthConfig config;
  const ServiceSettings settings = {
      .prefix = "AUTH_", .fault_points = user::kFaultPoints, .declare = [&](Settings& s) {
        user::DeclareAuthSettings(s, config);
      }};
  return RunService(
      argc, argv,
      {.name = "user-service",
       .purpose = "owns the users, and who is logged in",
       .schema = user::Schema(),
       .settings = settings,
       .verbs = user::UserVerbs(config),
       .wire = [&](ServiceContext& context) { return user::Serve(config, context); }});
}
