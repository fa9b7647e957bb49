#include <grpcpp/impl/codegen/service_type.h>

#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/env.h"
#include "service/service_calls.h"
#include "service/service_host.h"
#include "service/service_program.h"
#include "services/payment/payment_rpc.h"
#include "services/payment/payment_service.h"
#include "services/payment/provider_config.h"
#include "services/payment/schema.h"

int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  using namespace scaleout;
  constexpr const char* kProgram = "payment-service";

  StopSignals signals;
  const ProgramHelp help =
      MakeServiceHelp(kProgram, "owns the payments",
                      ListSettings(DeclareServiceSettings, payment::DeclareProviderSettings));
  if (const auto exit_code = AnswerCommandLine(argc, argv, help)) return *exit_code;

  Environment env(ProcessEnvironment(), {"SERVICE_", "DB_", "PROVIDER_"});
  const ServiceConfig config = LoadServiceConfig(env, kProgram);
  const payment::ProviderConfig provider_config = payment::LoadProviderConfig(env);
  if (absl::Status problems = env.Check(); !problems.ok()) {
    return ReportConfigProblems(kProgram, problems);
  }

  const auto logger = MakeJsonLogger({kProgram, config.instance_id, config.log_level});
  const auto metrics = MakeMetrics();
  AddProcessMetrics(*metrics);
  ServiceHost host(config, *logger, *metrics, SystemClock());
  PostgresPool pool(config.database, MakePostgresPrepare(config, payment::Schema(), *logger),
                    {[&host](bool reachable) { host.SetServing(reachable); },
                     [&host](const absl::Status& status) { host.Fail(status); }},
                    *logger, *metrics, SystemClock());

  const auto repository = payment::MakePaymentRepository(pool);
  const auto ledger = payment::MakeProviderLedger(pool);
  const auto provider = payment::MakeSimulatedProvider(
      provider_config.provider, *ledger, SystemClock(), payment::MakeSimulatedProviderWorld());
  payment::PaymentService service(*repository, *provider, provider_config.lease, SystemClock());
  const auto rpc = payment::MakePaymentRpc(service, host.calls());
  host.Add(payment::kPaymentServiceName, *rpc);
  return host.Run(signals);
}
