// OrderService and ProductService as gRPC services: one line for each RPC names the method that
// serves it.
//
// UnaryRpcs (service/unary_rpcs.h) compares the lists with the contracts and gives every call to
// ServiceCalls, which runs it on a worker. No other file of this directory includes gRPC.
#ifndef SCALEOUT_SERVICES_ORDER_ORDER_RPC_H_
#define SCALEOUT_SERVICES_ORDER_ORDER_RPC_H_

#include <memory>

namespace grpc {
class Service;
}  // namespace grpc

namespace scaleout {
class ServiceCalls;
}  // namespace scaleout

namespace scaleout::order {

class OrderService;
class ProductService;

inline constexpr const char* kOrderServiceName = "scaleout.order.v1.OrderService";
inline constexpr const char* kProductServiceName = "scaleout.order.v1.ProductService";

// `service` and `calls` must outlive the results.
std::unique_ptr<grpc::Service> MakeOrderRpc(OrderService& service, ServiceCalls& calls);
std::unique_ptr<grpc::Service> MakeProductRpc(ProductService& service, ServiceCalls& calls);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_ORDER_RPC_H_
