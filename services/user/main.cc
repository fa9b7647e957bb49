#include "service/run_service.h"
#include "services/user/schema.h"
#include "services/user/user_rpc.h"
#include "services/user/user_service.h"

int main(int argc, char** argv) {
  using namespace scaleout;
  return RunService(argc, argv,
                    {.name = "user-service",
                     .purpose = "owns the users",
                     .schema = user::Schema(),
                     .wire = [](ServiceContext& context) {
                       const auto repository = user::MakeUserRepository(context.pool());
                       user::UserService service(*repository);
                       const auto rpc = user::MakeUserRpc(service, context.calls());
                       return context.Serve({{user::kUserServiceName, *rpc}});
                     }});
}
