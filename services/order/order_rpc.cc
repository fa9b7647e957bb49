#include "services/order/order_rpc.h"

#include "service/unary_rpcs.h"
#include "services/order/order_service.h"
#include "services/order/product_service.h"

namespace scaleout::order {

std::unique_ptr<grpc::Service> MakeOrderRpc(OrderService& service, ServiceCalls& calls) {
  using Rpcs = UnaryRpcs<OrderService>;
  return std::make_unique<Rpcs>(kOrderServiceName, service, calls,
                                Rpcs::List{
                                    {"CreateOrder", &OrderService::CreateOrder},
                                    {"GetOrder", &OrderService::GetOrder},
                                    {"BatchGetOrders", &OrderService::BatchGetOrders},
                                    {"ListOrders", &OrderService::ListOrders},
                                    {"BatchListOrders", &OrderService::BatchListOrders},
                                    {"CancelOrder", &OrderService::CancelOrder},
                                    {"ReservePayment", &OrderService::ReservePayment},
                                    {"RequestRefund", &OrderService::RequestRefund},
                                });
}

std::unique_ptr<grpc::Service> MakeProductRpc(ProductService& service, ServiceCalls& calls) {
  using Rpcs = UnaryRpcs<ProductService>;
  return std::make_unique<Rpcs>(kProductServiceName, service, calls,
                                Rpcs::List{
                                    {"GetProduct", &ProductService::GetProduct},
                                    {"BatchGetProducts", &ProductService::BatchGetProducts},
                                    {"ListProducts", &ProductService::ListProducts},
                                });
}

}  // namespace scaleout::order
