#include <cstdint>
#include <memory>

#include "service/batch_purge.h"
#include "service/events/service_events.h"
#include "service/run_service.h"
#include "services/payment/charge_sweeper.h"
#include "services/payment/order_event_handlers.h"
#include "services/payment/payment_events.h"
#include "services/payment/payment_faults.h"
#include "services/payment/payment_rpc.h"
#include "services/payment/payment_service.h"
#include "services/payment/provider_config.h"
#include "services/payment/refund_sweeper.h"
#include "services/payment/schema.h"

namespace scaleout::payment {
namespace {

// For charges, beside the connections of the other requests.
constexpr int kChargeConnections = 3;

// A charge that was made is recorded even where that has to wait for longer than requests do.
PostgresPoolOptions ChargePoolOptions(const ServiceConfig& config) {
  PostgresPoolOptions options = config.database;
  options.name = "charges";
  options.max_connections = kChargeConnections;
  options.wait_limit = kRecordLimit;
  options.connect.application_name += " charges";
  return options;
}

int Serve(const ProviderConfig& config, ServiceContext& context) {
  // Before the events, whose handlers have them until their thread has ended.
  PostgresPool charge_pool(ChargePoolOptions(context.config()), {}, {}, context.logger(),
                           context.metrics(), context.clock());
  Outbox outbox(charge_pool, PublishedStreams());
  ServiceEvents events(context, PublishedStreams());
  outbox.OnWake([&events] { events.outbox().Wake(); });
  const auto payments = MakePaymentRepository(context.pool());
  const auto charges = MakeChargeRepository(charge_pool, outbox, config.charge_times());
  const std::shared_ptr<RefundRepository> refunds = MakeRefundRepository(charge_pool, outbox);
  const auto ledger = MakeProviderLedger(charge_pool);
  const auto provider = MakeSimulatedProvider(config.provider, *ledger, context.clock(),
                                              MakeSimulatedProviderEnvironment());
  TokenBulkhead bulkhead(config.max_calls_per_token());
  PaymentService service(*payments, *charges, *provider, bulkhead, context.clock(),
                         context.faults());
  ServiceCalls& charge_calls =
      context.AddCalls(config.threads, static_cast<std::size_t>(config.max_queued));
  const auto rpc = MakePaymentRpc(service, context.calls(), charge_calls);
  ChargeSweeper charge_sweeper({*charges, *provider, context.logger(), context.metrics(),
                                context.clock(), context.faults(), config.sweeper_threads()},
                               config.times.settle_after);
  RefundSweeper refund_sweeper({*refunds, *provider, context.logger(), context.metrics(),
                                context.clock(), context.faults(), config.sweeper_threads()},
                               config.charge_times().ask_again_after);
  BatchPurge answer_purge({.name = "answer-purge",
                           .work = "deleting old answers",
                           .purge = [&](const CallContext& call,
                                        std::int32_t most) { return charges->Purge(call, most); }},
                          context.logger(), context.clock());
  // The tables are there once the requests' pool has made them.
  const auto is_ready = [&pool = context.pool()] { return pool.reachable(); };
  // First, because sweepers wake the relay.
  events.Start(OrderEventHandlers(refunds));
  charge_sweeper.Start(is_ready);
  refund_sweeper.Start(is_ready);
  answer_purge.Start(is_ready);
  const int status = context.Serve({{kPaymentServiceName, *rpc}});
  // Both at once: each waits for the provider.
  charge_sweeper.AskToStop();
  refund_sweeper.AskToStop();
  return status;
}

}  // namespace
}  // namespace scaleout::payment

int main(int argc, char** argv) {
  using namespace scaleout;
  payment::ProviderConfig config;
  const auto declare = [&](Settings& s) { payment::DeclareProviderSettings(s, config); };
  return RunService(
      argc, argv,
      {.name = "payment-service",
       .purpose = "owns the payments",
       .schema = payment::Schema(),
       .settings = {.prefix = "PROVIDER_",
                    .fault_points = payment::kFaultPoints,
                    .declare = declare},
       .wire = [&](ServiceContext& context) { return payment::Serve(config, context); }});
}
