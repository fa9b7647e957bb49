#include "service/run_service.h"
#include "services/order/order_rpc.h"
#include "services/order/order_service.h"
#include "services/order/product_service.h"
#include "services/order/schema.h"

int main(int argc, char** argv) {
  using namespace scaleout;
  return RunService(argc, argv,
                    {.name = "order-service",
                     .purpose = "owns the orders and the product catalog",
                     .schema = order::Schema(),
                     .wire = [](ServiceContext& context) {
                       const auto orders = order::MakeOrderRepository(context.pool());
                       const auto products = order::MakeProductRepository(context.pool());
                       order::OrderService order_service(*orders);
                       order::ProductService product_service(*products);
                       const auto order_rpc = order::MakeOrderRpc(order_service, context.calls());
                       const auto product_rpc =
                           order::MakeProductRpc(product_service, context.calls());
                       return context.Serve({{order::kOrderServiceName, *order_rpc},
                                             {order::kProductServiceName, *product_rpc}});
                     }});
}
