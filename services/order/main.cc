#include <grpcpp/impl/codegen/service_type.h>

#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/env.h"
#include "service/service_calls.h"
#include "service/service_host.h"
#include "service/service_program.h"
#include "services/order/order_rpc.h"
#include "services/order/order_service.h"
#include "services/order/product_service.h"
#include "services/order/schema.h"

int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  using namespace scaleout;
  constexpr const char* kProgram = "order-service";

  StopSignals signals;
  const ProgramHelp help = MakeServiceHelp(kProgram, "owns the orders and the product catalog",
                                           ListSettings(DeclareServiceSettings));
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
  PostgresPool pool(config.database, MakePostgresPrepare(config, order::Schema(), *logger),
                    {[&host](bool reachable) { host.SetServing(reachable); },
                     [&host](const absl::Status& status) { host.Fail(status); }},
                    *logger, *metrics, SystemClock());

  const auto orders = order::MakeOrderRepository(pool);
  const auto products = order::MakeProductRepository(pool);
  order::OrderService order_service(*orders);
  order::ProductService product_service(*products);
  const auto order_rpc = order::MakeOrderRpc(order_service, host.calls());
  const auto product_rpc = order::MakeProductRpc(product_service, host.calls());
  host.Add(order::kOrderServiceName, *order_rpc);
  host.Add(order::kProductServiceName, *product_rpc);
  return host.Run(signals);
}
