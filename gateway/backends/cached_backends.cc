#include "gateway/backends/cached_backends.h"

#include <cstdint>

#include "common/str_cat.h"
#include "gateway/backends/cached_verb.h"
#include "gateway/resilience/call_outcome.h"
#include "proto/scaleout/rpc/v1/request_limits.h"

namespace scaleout::gateway {
namespace {

using rpc::v1::EffectivePageSize;
using rpc::v1::IsValidId;

// Tokens of entities, and of collections. A user's list of orders has two: its own, and that of all
// such lists, for a write whose user is not known.
std::string User(std::int64_t id) { return StrCat("user:", id); }
std::string Order(std::int64_t id) { return StrCat("order:", id); }
std::string OrdersOf(std::int64_t user_id) { return StrCat("orders-of:", user_id); }
constexpr char kOrderLists[] = "order-lists";
std::string Product(std::int64_t id) { return StrCat("product:", id); }
constexpr char kProductLists[] = "product-lists";
std::string Payment(std::int64_t id) { return StrCat("payment:", id); }
std::string PaymentsOf(std::int64_t user_id) { return StrCat("payments-of:", user_id); }

// Of one entity, whose token has the key's name.
std::optional<CacheQuery> Item(std::int64_t id, std::string (*name)(std::int64_t)) {
  if (!IsValidId(id)) return std::nullopt;
  std::string key = name(id);
  return CacheQuery(key, {key});
}

// Of the first page of one user's things; later pages are not cached.
template <typename Request>
std::optional<CacheQuery> NewestOf(const Request& request, std::string (*name)(std::int64_t),
                                   std::vector<std::string> further_tokens = {}) {
  if (!IsValidId(request.user_id()) || request.page_size() < 0 || !request.page_token().empty()) {
    return std::nullopt;
  }
  std::vector<std::string> tokens = std::move(further_tokens);
  tokens.push_back(name(request.user_id()));
  std::string key = StrCat(tokens.back(), ":", EffectivePageSize(request.page_size()));
  return CacheQuery(std::move(key), std::move(tokens));
}

// Whether the service has said that it changed nothing.
bool IsRefusal(const absl::Status& status) {
  return !status.ok() && ClassifyCall(status) == CallOutcome::kSuccess;
}

}  // namespace

void CacheUsers(ReadCache& cache, Backend& backend, UserBackend& users) {
  using namespace user::v1;
  CacheReads(cache, backend, "GetUser", cache.config().user_ttl, users.GetUser,
             [](const GetUserRequest& request) { return Item(request.user_id(), &User); });
  InvalidateAfter(cache, users.CreateUser, [](const auto&, const auto& answer) {
    return answer.ok() ? std::vector{User(answer->user().id())} : std::vector<std::string>();
  });
  InvalidateAfter(cache, users.UpdateUser, [](const auto& request, const auto&) {
    return std::vector{User(request.user_id())};
  });
  InvalidateAfter(cache, users.DeleteUser, [](const auto& request, const auto&) {
    return std::vector{User(request.user_id())};
  });
}

void CacheOrders(ReadCache& cache, Backend& backend, OrderBackend& orders) {
  using namespace order::v1;
  CacheReads(cache, backend, "GetOrder", cache.config().order_ttl, orders.GetOrder,
             [](const GetOrderRequest& request) { return Item(request.order_id(), &Order); });
  CacheReads(
      cache, backend, "ListOrders", cache.config().list_ttl, orders.ListOrders,
      [](const ListOrdersRequest& request) { return NewestOf(request, &OrdersOf, {kOrderLists}); });
  InvalidateAfter(cache, orders.CreateOrder, [](const auto& request, const auto& answer) {
    std::vector<std::string> changed = {OrdersOf(request.user_id())};
    if (answer.ok()) changed.push_back(Order(answer->order().id()));
    return changed;
  });
  InvalidateAfter(cache, orders.CancelOrder, [](const auto& request, const auto& answer) {
    std::vector<std::string> changed = {Order(request.order_id())};
    if (answer.ok()) {
      changed.push_back(OrdersOf(answer->order().user_id()));
    } else if (!IsRefusal(answer.status())) {
      changed.emplace_back(kOrderLists);
    }
    return changed;
  });
}

void CacheProducts(ReadCache& cache, Backend& backend, ProductBackend& products) {
  using namespace order::v1;
  CacheReads(cache, backend, "GetProduct", cache.config().product_ttl, products.GetProduct,
             [](const GetProductRequest& request) { return Item(request.product_id(), &Product); });
  CacheReads(cache, backend, "ListProducts", cache.config().list_ttl, products.ListProducts,
             [](const ListProductsRequest& request) -> std::optional<CacheQuery> {
               if (request.page_size() < 0) return std::nullopt;
               return CacheQuery(StrCat("products:", EffectivePageSize(request.page_size()), ":",
                                        request.page_token()),
                                 {kProductLists});
             });
}

void CachePayments(ReadCache& cache, Backend& backend, PaymentBackend& payments) {
  using namespace payment::v1;
  CacheReads(cache, backend, "GetPayment", cache.config().payment_ttl, payments.GetPayment,
             [](const GetPaymentRequest& request) { return Item(request.payment_id(), &Payment); });
  CacheReads(cache, backend, "ListPayments", cache.config().list_ttl, payments.ListPayments,
             [](const ListPaymentsRequest& request) -> std::optional<CacheQuery> {
               if (request.order_id() != 0) return std::nullopt;
               return NewestOf(request, &PaymentsOf);
             });
  InvalidateAfter(cache, payments.CreatePayment, [](const auto& request, const auto& answer) {
    std::vector<std::string> changed = {PaymentsOf(request.user_id())};
    if (answer.ok()) changed.push_back(Payment(answer->payment().id()));
    return changed;
  });
}

}  // namespace scaleout::gateway
