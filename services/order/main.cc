#include "service/events/service_events.h"
#include "service/run_service.h"
#include "services/order/order_events.h"
#include "services/order/order_rpc.h"
#include "services/order/order_service.h"
#include "services/order/payment_event_handlers.h"
#include "services/order/product_service.h"
#include "services/order/schema.h"

int main(int argc, char** argv) {
  using namespace scaleout;
  return RunService(argc, argv,
                    {.name = "order-service",
                     .purpose = "owns the orders and the product catalog",
                     .schema = order::Schema(),
                     .wire = [](ServiceContext& context) {
                       ServiceEvents events(context, order::PublishedStreams());
                       const std::shared_ptr<order::OrderRepository> orders =
                           order::MakeOrderRepository(context.pool(), events.outbox());
                       const auto products = order::MakeProductRepository(context.pool());
                       order::OrderService order_service(*orders);
                       order::ProductService product_service(*products);
                       const auto order_rpc = order::MakeOrderRpc(order_service, context.calls());
                       const auto product_rpc =
                           order::MakeProductRpc(product_service, context.calls());
                       events.Start(order::PaymentEventHandlers(orders, context.logger()));
                       return context.Serve({{order::kOrderServiceName, *order_rpc},
                                             {order::kProductServiceName, *product_rpc}});
                     }});
}
