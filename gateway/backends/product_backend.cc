#include "gateway/backends/product_backend.h"

#include "gateway/backends/service_rpcs.h"
#include "scaleout/order/v1/product.grpc.pb.h"

namespace scaleout::gateway {

ProductBackend MakeProductBackend(Backend& backend) {
  const ServiceRpcs<order::v1::ProductService> rpc(backend);
  using Rpc = decltype(rpc)::AsyncStub;
  return ProductBackend{
      .GetProduct = rpc("GetProduct", Repeat::kSafe, &Rpc::GetProduct),
      .ListProducts = rpc("ListProducts", Repeat::kSafe, &Rpc::ListProducts),
  };
}

}  // namespace scaleout::gateway
