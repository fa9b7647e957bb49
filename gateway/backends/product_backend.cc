#include "gateway/backends/product_backend.h"

#include "gateway/backends/service_rpcs.h"
#include "scaleout/order/v1/product.grpc.pb.h"

namespace scaleout::gateway {
namespace {

using namespace order::v1;

struct ProductReads {
  static std::optional<ReadKey> FindKey(const GetProductRequest& request) {
    return FindItemKey(request.product_id());
  }
  static GetProductRequest RequestOf(const ReadKey& key) {
    GetProductRequest request;
    request.set_product_id(key.id);
    return request;
  }
  static void AddKey(const ReadKey& key, BatchGetProductsRequest& batch) {
    batch.add_keys()->set_product_id(key.id);
  }
  static bool TakeAnswer(BatchGetProductsResponse::Entry& entry, GetProductResponse& answer) {
    if (!entry.has_product()) return false;
    answer.set_allocated_product(entry.release_product());
    return true;
  }
};

}  // namespace

ProductBackend MakeProductBackend(Backend& backend, const CoalescingParts* coalescing) {
  const ServiceRpcs<order::v1::ProductService> rpc(backend, coalescing);
  using Rpc = decltype(rpc)::Stub;
  return ProductBackend{
      .GetProduct = rpc.Read<ProductReads>("GetProduct", &Rpc::PrepareAsyncGetProduct,
                                           "BatchGetProducts", &Rpc::PrepareAsyncBatchGetProducts),
      .ListProducts = rpc("ListProducts", Repeat::kSafe, &Rpc::PrepareAsyncListProducts),
  };
}

}  // namespace scaleout::gateway
