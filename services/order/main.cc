#include "service/batch_purge.h"
#include "service/events/service_events.h"
#include "service/idempotency/idempotency_purge.h"
#include "service/idempotency/idempotent_writes.h"
#include "service/run_service.h"
#include "services/order/order_events.h"
#include "services/order/order_rpc.h"
#include "services/order/order_service.h"
#include "services/order/payment_event_handlers.h"
#include "services/order/product_service.h"
#include "services/order/schema.h"

namespace scaleout::order {
namespace {

int Serve(ServiceContext& context) {
  ServiceEvents events(context, PublishedStreams());
  const std::shared_ptr<OrderRepository> orders =
      MakeOrderRepository(context.pool(), events.outbox());
  const auto products = MakeProductRepository(context.pool());
  const auto writes = MakeIdempotentWrites(events.outbox());
  OrderService order_service(*orders, *writes);
  ProductService product_service(*products);
  const auto order_rpc = MakeOrderRpc(order_service, context.calls());
  const auto product_rpc = MakeProductRpc(product_service, context.calls());
  BatchPurge key_purge(IdempotencyPurge(context.pool()), context.logger(), context.clock());
  key_purge.Start([&pool = context.pool()] { return pool.reachable(); });
  events.Start(PaymentEventHandlers(orders, context.logger()));
  return context.Serve({{kOrderServiceName, *order_rpc}, {kProductServiceName, *product_rpc}});
}

}  // namespace
}  // namespace scaleout::order

int main(int argc, char** argv) {
  using namespace scaleout;
  return RunService(argc, argv,
                    {.name = "order-service",
                     .purpose = "owns the orders and the product catalog",
                     .schema = order::Schema(),
                     .wire = [](ServiceContext& context) { return order::Serve(context); }});
}
