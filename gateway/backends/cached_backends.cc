#include "gateway/backends/cached_backends.h"

#include <cstdint>

#include "common/str_cat.h"
#include "gateway/backends/cached_verb.h"
#include "gateway/cache/cache_names.h"
#include "gateway/resilience/call_outcome.h"
#include "proto/scaleout/rpc/v1/request_limits.h"

namespace scaleout::gateway {
namespace {

using rpc::v1::EffectivePageSize;
using rpc::v1::IsValidId;

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

// Its id had an answer, too, if it was asked for before: that there is no such user.
constexpr auto kNewUser = [](const auto&, const auto& answer) {
  return answer.ok() ? std::vector{UserToken(answer->user().id())} : std::vector<std::string>();
};

// Whether the service has said that it changed nothing.
bool IsRefusal(const absl::Status& status) {
  return !status.ok() && ClassifyCall(status) == CallOutcome::kSuccess;
}

std::int64_t OwnerIn(const order::v1::ReservePaymentResponse& answer) {
  return answer.reservation().user_id();
}

template <typename Response>
std::int64_t OwnerIn(const Response& answer) {
  return answer.order().user_id();
}

// Of a write of one order, whose user only the answer says.
constexpr auto kChangedOrder = [](const auto& request, const auto& answer) {
  std::vector<std::string> changed = {OrderToken(request.order_id())};
  if (answer.ok()) {
    changed.push_back(OrdersOfToken(OwnerIn(*answer)));
  } else if (!IsRefusal(answer.status())) {
    changed.emplace_back(kOrderListsToken);
  }
  return changed;
};

}  // namespace

void CacheUsers(ReadCache& cache, Backend& backend, UserBackend& users) {
  using namespace user::v1;
  CacheReads(cache, backend, "GetUser", cache.config().user_ttl, users.GetUser,
             [](const GetUserRequest& request) { return Item(request.user_id(), &UserToken); });
  InvalidateAfter(cache, users.CreateUser, kNewUser);
  InvalidateAfter(cache, users.UpdateUser, [](const auto& request, const auto&) {
    return std::vector{UserToken(request.user_id())};
  });
  InvalidateAfter(cache, users.DeleteUser, [](const auto& request, const auto&) {
    return std::vector{UserToken(request.user_id())};
  });
}

void InvalidateUsersAfter(ReadCache& cache, AuthBackend& auth) {
  InvalidateAfter(cache, auth.Register, kNewUser);
}

void CacheOrders(ReadCache& cache, Backend& backend, OrderBackend& orders) {
  using namespace order::v1;
  CacheReads(cache, backend, "GetOrder", cache.config().order_ttl, orders.GetOrder,
             [](const GetOrderRequest& request) { return Item(request.order_id(), &OrderToken); });
  CacheReads(cache, backend, "ListOrders", cache.config().list_ttl, orders.ListOrders,
             [](const ListOrdersRequest& request) {
               return NewestOf(request, &OrdersOfToken, {kOrderListsToken});
             });
  InvalidateAfter(cache, orders.CreateOrder, [](const auto& request, const auto& answer) {
    std::vector<std::string> changed = {OrdersOfToken(request.user_id())};
    if (answer.ok()) changed.push_back(OrderToken(answer->order().id()));
    return changed;
  });
  InvalidateAfter(cache, orders.CancelOrder, kChangedOrder);
  InvalidateAfter(cache, orders.ReservePayment, kChangedOrder);
  InvalidateAfter(cache, orders.RequestRefund, kChangedOrder);
}

void CacheProducts(ReadCache& cache, Backend& backend, ProductBackend& products) {
  using namespace order::v1;
  CacheReads(
      cache, backend, "GetProduct", cache.config().product_ttl, products.GetProduct,
      [](const GetProductRequest& request) { return Item(request.product_id(), &ProductToken); });
  CacheReads(cache, backend, "ListProducts", cache.config().list_ttl, products.ListProducts,
             [](const ListProductsRequest& request) -> std::optional<CacheQuery> {
               if (request.page_size() < 0) return std::nullopt;
               return CacheQuery(StrCat("products:", EffectivePageSize(request.page_size()), ":",
                                        request.page_token()),
                                 {kProductListsToken});
             });
}

void CachePayments(ReadCache& cache, Backend& backend, PaymentBackend& payments) {
  using namespace payment::v1;
  CacheReads(
      cache, backend, "GetPayment", cache.config().payment_ttl, payments.GetPayment,
      [](const GetPaymentRequest& request) { return Item(request.payment_id(), &PaymentToken); });
  CacheReads(cache, backend, "ListPayments", cache.config().list_ttl, payments.ListPayments,
             [](const ListPaymentsRequest& request) -> std::optional<CacheQuery> {
               if (request.order_id() != 0) return std::nullopt;
               return NewestOf(request, &PaymentsOfToken);
             });
  InvalidateAfter(cache, payments.CreatePayment, [](const auto& request, const auto& answer) {
    std::vector<std::string> changed = {PaymentsOfToken(request.user_id())};
    if (answer.ok()) changed.push_back(PaymentToken(answer->payment().id()));
    return changed;
  });
}

}  // namespace scaleout::gateway
