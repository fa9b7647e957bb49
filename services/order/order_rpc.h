// The gRPC faces of OrderService and ProductService: each RPC as one line that hands it to
// ServiceCalls. The only file here that knows the stubs.
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

// What they are given must outlive them.
std::unique_ptr<grpc::Service> MakeOrderRpc(OrderService& service, ServiceCalls& calls);
std::unique_ptr<grpc::Service> MakeProductRpc(ProductService& service, ServiceCalls& calls);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_ORDER_RPC_H_
