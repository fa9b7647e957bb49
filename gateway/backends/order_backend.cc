#include "gateway/backends/order_backend.h"

#include "gateway/backends/service_rpcs.h"
#include "scaleout/order/v1/order.grpc.pb.h"

namespace scaleout::gateway {

OrderBackend MakeOrderBackend(Backend& backend) {
  const ServiceRpcs<order::v1::OrderService> rpc(backend);
  using Rpc = decltype(rpc)::AsyncStub;
  return OrderBackend{
      .CreateOrder = rpc("CreateOrder", Repeat::kWithKey, &Rpc::CreateOrder),
      .GetOrder = rpc("GetOrder", Repeat::kSafe, &Rpc::GetOrder),
      .ListOrders = rpc("ListOrders", Repeat::kSafe, &Rpc::ListOrders),
      .CancelOrder = rpc("CancelOrder", Repeat::kSafe, &Rpc::CancelOrder),
  };
}

}  // namespace scaleout::gateway
