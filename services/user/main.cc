#include "service/events/service_events.h"
#include "service/run_service.h"
#include "services/user/schema.h"
#include "services/user/user_events.h"
#include "services/user/user_rpc.h"
#include "services/user/user_service.h"

namespace scaleout::user {
namespace {

// Leaves the sessions' ends unpublished, for want of what publishes them.
class NoRevocations final : public Revocations {
 public:
  absl::Status Publish(const CallContext&, std::span<const SessionId>) override {
    return absl::OkStatus();
  }
};

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
                       user::NoRevocations revocations;
                       user::UserService service(*repository, revocations);
                       const auto rpc = user::MakeUserRpc(service, context.calls());
                       events.Start();
                       return context.Serve({{user::kUserServiceName, *rpc}});
                     }});
}
