#include <cstdint>
#include <memory>

#include "service/batch_purge.h"
#include "service/events/service_events.h"
#include "service/idempotency/idempotency_purge.h"
#include "service/idempotency/idempotent_writes.h"
#include "service/run_service.h"
#include "services/order/order_events.h"
#include "services/order/order_faults.h"
#include "services/order/order_rpc.h"
#include "services/order/order_service.h"
#include "services/order/payment_event_handlers.h"
#include "services/order/payment_settlements.h"
#include "services/order/product_service.h"
#include "services/order/reservation_sweeper.h"
#include "services/order/schema.h"
#include "services/order/settlement_config.h"

namespace scaleout::order {
namespace {

int Serve(const SettlementConfig& config, ServiceContext& context) {
  ServiceEvents events(context, PublishedStreams());
  const auto orders = MakeOrderRepository(context.pool(), events.outbox());
  const std::shared_ptr<ReservationRepository> reservations =
      MakeReservationRepository(context.pool(), events.outbox());
  const auto products = MakeProductRepository(context.pool());
  const auto writes = MakeIdempotentWrites(events.outbox());
  OrderService order_service(*orders, *reservations, *writes, context.faults());
  ProductService product_service(*products);
  const auto order_rpc = MakeOrderRpc(order_service, context.calls());
  const auto product_rpc = MakeProductRpc(product_service, context.calls());
  BatchPurge key_purge(IdempotencyPurge(context.pool()), context.logger(), context.clock());
  BatchPurge reservation_purge(
      {.name = "reserve-purge",
       .work = "deleting old keys of payments",
       .purge = [&](const CallContext& call,
                    std::int32_t most) { return reservations->Purge(call, most); }},
      context.logger(), context.clock());
  const auto reports = std::make_shared<ChargeReports>(context.logger(), context.metrics());
  const auto settlements = MakePaymentSettlements(config.payment_target);
  ReservationSweeper sweeper({*reservations, *settlements, *reports, events.outbox(),
                              context.logger(), context.clock(), context.faults()},
                             config.settle_after);
  const auto is_ready = [&pool = context.pool()] { return pool.reachable(); };
  // First, because the sweeper wakes the relay.
  events.Start(PaymentEventHandlers(reservations, reports));
  key_purge.Start(is_ready);
  reservation_purge.Start(is_ready);
  sweeper.Start(is_ready);
  return context.Serve({{kOrderServiceName, *order_rpc}, {kProductServiceName, *product_rpc}});
}

}  // namespace
}  // namespace scaleout::order

int main(int argc, char** argv) {
  using namespace scaleout;
  order::SettlementConfig config;
  const auto declare = [&](Settings& s) { order::DeclareSettlementSettings(s, config); };
  return RunService(
      argc, argv,
      {.name = "order-service",
       .purpose = "owns the orders and the product catalog",
       .schema = order::Schema(),
       .settings = {.prefix = "ORDER_", .fault_points = order::kFaultPoints, .declare = declare},
       .wire = [&](ServiceContext& context) { return order::Serve(config, context); }});
}
