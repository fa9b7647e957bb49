#include <chrono>
#include <memory>
#include <optional>

#include "redis/revocation_publisher.h"
#include "service/events/service_events.h"
#include "service/run_service.h"
#include "services/user/revocation_relay.h"
#include "services/user/revocation_store.h"
#include "services/user/schema.h"
#include "services/user/user_events.h"
#include "services/user/user_rpc.h"
#include "services/user/user_service.h"

namespace scaleout::user {
namespace {

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

}  // namespace
}  // namespace scaleout::user

int main(int argc, char** argv) {
  using namespace scaleout;
  return RunService(argc, argv,
                    {.name = "user-service",
                     .purpose = "owns the users",
                     .schema = user::Schema(),
                     .wire = [](ServiceContext& context) {
                       ServiceEvents events(context, user::PublishedStreams());
                       const auto repository =
                           user::MakeUserRepository(context.pool(), events.outbox());
                       user::RevocationRelay revocations(
                           user::MakeRevocationStore(context.pool()), user::MakePublisher(context),
                           context.clock(), context.logger(), context.metrics());
                       user::UserService service(*repository, revocations);
                       const auto rpc = user::MakeUserRpc(service, context.calls());
                       events.Start();
                       revocations.Start([&pool = context.pool()] { return pool.reachable(); });
                       return context.Serve({{user::kUserServiceName, *rpc}});
                     }});
}
