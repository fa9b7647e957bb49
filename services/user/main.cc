#include "service/events/service_events.h"
#include "service/run_service.h"
#include "services/user/schema.h"
#include "services/user/user_events.h"
#include "services/user/user_rpc.h"
#include "services/user/user_service.h"

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
                       user::UserService service(*repository);
                       const auto rpc = user::MakeUserRpc(service, context.calls());
                       events.Start();
                       return context.Serve({{user::kUserServiceName, *rpc}});
                     }});
}
