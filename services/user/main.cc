#include <grpcpp/impl/codegen/service_type.h>

#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/env.h"
#include "service/service_calls.h"
#include "service/service_host.h"
#include "service/service_program.h"
#include "services/user/schema.h"
#include "services/user/user_rpc.h"
#include "services/user/user_service.h"

int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  using namespace scaleout;
  constexpr const char* kProgram = "user-service";

  StopSignals signals;
  const ProgramHelp help =
      MakeServiceHelp(kProgram, "owns the users", ListSettings(DeclareServiceSettings));
  if (const auto exit_code = AnswerCommandLine(argc, argv, help)) return *exit_code;

  Environment env(ProcessEnvironment(), {"SERVICE_", "DB_"});
  const ServiceConfig config = LoadServiceConfig(env, kProgram);
  if (absl::Status problems = env.Check(); !problems.ok()) {
    return ReportConfigProblems(kProgram, problems);
  }

  const auto logger = MakeJsonLogger({kProgram, config.instance_id, config.log_level});
  const auto metrics = MakeMetrics();
  AddProcessMetrics(*metrics);
  ServiceHost host(config, *logger, *metrics, SystemClock());
  PostgresPool pool(config.database, MakePostgresPrepare(config, user::Schema(), *logger),
                    {[&host](bool reachable) { host.SetServing(reachable); },
                     [&host](const absl::Status& status) { host.Fail(status); }},
                    *logger, *metrics, SystemClock());

  const auto repository = user::MakeUserRepository(pool);
  user::UserService service(*repository);
  const auto rpc = user::MakeUserRpc(service, host.calls());
  host.Add(user::kUserServiceName, *rpc);
  return host.Run(signals);
}
