#include "service/events/service_events.h"
#include "service/run_service.h"
#include "services/payment/payment_events.h"
#include "services/payment/payment_rpc.h"
#include "services/payment/payment_service.h"
#include "services/payment/provider_config.h"
#include "services/payment/schema.h"

int main(int argc, char** argv) {
  using namespace scaleout;
  payment::ProviderConfig config;
  const auto declare = [&](Settings& s) { payment::DeclareProviderSettings(s, config); };
  return RunService(
      argc, argv,
      {.name = "payment-service",
       .purpose = "owns the payments",
       .schema = payment::Schema(),
       .settings = {.prefix = "PROVIDER_", .declare = declare},
       .wire = [&](ServiceContext& context) {
         ServiceEvents events(context, payment::PublishedStreams());
         const auto repository = payment::MakePaymentRepository(context.pool(), events.outbox());
         const auto ledger = payment::MakeProviderLedger(context.pool());
         const auto provider =
             payment::MakeSimulatedProvider(config.provider, *ledger, context.clock(),
                                            payment::MakeSimulatedProviderEnvironment());
         payment::PaymentService service(*repository, *provider, config.lease, context.clock());
         const auto rpc = payment::MakePaymentRpc(service, context.calls());
         events.Start();
         return context.Serve({{payment::kPaymentServiceName, *rpc}});
       }});
}
