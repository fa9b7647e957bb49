#include "gateway/backends/order_backend.h"

#include "gateway/backends/service_rpcs.h"
#include "scaleout/order/v1/order.grpc.pb.h"

namespace scaleout::gateway {
namespace {

using namespace order::v1;

struct OrderReads {
  static std::optional<ReadKey> FindKey(const GetOrderRequest& request) {
    return FindItemKey(request.order_id());
  }
  static GetOrderRequest RequestOf(const ReadKey& key) {
    GetOrderRequest request;
    request.set_order_id(key.id);
    return request;
  }
  static void AddKey(const ReadKey& key, BatchGetOrdersRequest& batch) {
    batch.add_keys()->set_order_id(key.id);
  }
  static bool TakeAnswer(BatchGetOrdersResponse::Entry& entry, GetOrderResponse& answer) {
    if (!entry.has_order()) return false;
    answer.set_allocated_order(entry.release_order());
    return true;
  }
};

// The newest orders of one user.
struct OrderLists {
  static std::optional<ReadKey> FindKey(const ListOrdersRequest& request) {
    if (!request.page_token().empty()) return std::nullopt;
    return FindListKey(request.user_id(), request.page_size());
  }
  static ListOrdersRequest RequestOf(const ReadKey& key) {
    ListOrdersRequest request;
    request.set_user_id(key.id);
    request.set_page_size(key.page_size);
    return request;
  }
  static void AddKey(const ReadKey& key, BatchListOrdersRequest& batch) {
    batch.add_keys()->set_user_id(key.id);
    batch.set_page_size(key.page_size);
  }
  static bool TakeAnswer(BatchListOrdersResponse::Entry& entry, ListOrdersResponse& answer) {
    if (!entry.has_order_list()) return false;
    answer.mutable_orders()->Swap(entry.mutable_order_list()->mutable_orders());
    answer.mutable_next_page_token()->swap(*entry.mutable_order_list()->mutable_next_page_token());
    return true;
  }
};

}  // namespace

OrderBackend MakeOrderBackend(Backend& backend, const CoalescingParts* coalescing) {
  const ServiceRpcs<order::v1::OrderService> rpc(backend, coalescing);
  using Rpc = decltype(rpc)::Stub;
  return OrderBackend{
      .CreateOrder = rpc("CreateOrder", Repeat::kWithKey, &Rpc::PrepareAsyncCreateOrder),
      .GetOrder = rpc.Read<OrderReads>("GetOrder", &Rpc::PrepareAsyncGetOrder, "BatchGetOrders",
                                       &Rpc::PrepareAsyncBatchGetOrders),
      .ListOrders = rpc.Read<OrderLists>("ListOrders", &Rpc::PrepareAsyncListOrders,
                                         "BatchListOrders", &Rpc::PrepareAsyncBatchListOrders),
      .CancelOrder = rpc("CancelOrder", Repeat::kSafe, &Rpc::PrepareAsyncCancelOrder),
      .ReservePayment = rpc("ReservePayment", Repeat::kWithKey, &Rpc::PrepareAsyncReservePayment),
      .RequestRefund = rpc("RequestRefund", Repeat::kSafe, &Rpc::PrepareAsyncRequestRefund),
  };
}

}  // namespace scaleout::gateway
