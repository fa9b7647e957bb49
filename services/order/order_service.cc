#include "services/order/order_service.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/checksum.h"
#include "common/str_cat.h"
#include "proto/scaleout/order/v1/order_limits.h"
#include "proto/scaleout/rpc/v1/request_limits.h"
#include "service/batch_answer.h"
#include "service/batch_keys.h"
#include "service/field_checks.h"
#include "service/page_token.h"
#include "service/principal.h"
#include "service/wall_time.h"
#include "services/order/order_faults.h"

namespace scaleout::order {
namespace {

std::string Scope(std::int64_t user_id) { return StrCat("orders?user_id=", user_id); }

v1::OrderStatus ToProto(OrderState state) {
  switch (state) {
    case OrderState::kPending:
      return v1::ORDER_STATUS_PENDING;
    case OrderState::kReserved:
      return v1::ORDER_STATUS_RESERVED;
    case OrderState::kPaid:
      return v1::ORDER_STATUS_PAID;
    case OrderState::kRefunding:
      return v1::ORDER_STATUS_REFUNDING;
    case OrderState::kFulfilled:
      return v1::ORDER_STATUS_FULFILLED;
    case OrderState::kCancelled:
      return v1::ORDER_STATUS_CANCELLED;
    case OrderState::kPaymentFailed:
      return v1::ORDER_STATUS_PAYMENT_FAILED;
  }
  return v1::ORDER_STATUS_UNSPECIFIED;
}

void ToProto(const Money& money, type::v1::Money& message) {
  message.set_amount_minor(money.amount_minor);
  message.set_currency_code(money.currency);
}

void ToProto(const Order& order, v1::Order& message) {
  message.set_id(order.id.value());
  message.set_user_id(order.user_id.value());
  message.set_status(ToProto(order.state));
  for (const OrderItem& item : order.items) {
    v1::OrderItem& line = *message.add_items();
    line.set_product_id(item.product_id.value());
    line.set_product_name(item.product_name);
    line.set_quantity(item.quantity);
    ToProto(item.unit_price, *line.mutable_unit_price());
  }
  ToProto(order.total, *message.mutable_total());
  scaleout::ToProto(order.created_at, *message.mutable_created_at());
  scaleout::ToProto(order.updated_at, *message.mutable_updated_at());
}

// Adds at most a page of `orders` and answers the token of the next one, if they are more.
template <typename Message>
std::string AddPage(std::span<const Order> orders, std::int32_t page_size, std::string_view scope,
                    Message& message) {
  const auto size = std::min(orders.size(), static_cast<std::size_t>(page_size));
  for (std::size_t i = 0; i < size; ++i) ToProto(orders[i], *message.add_orders());
  return orders.size() > size ? MakePageToken(scope, orders[size - 1].id.value()) : std::string();
}

// Of what the client asked for. Prices are not part of it: they may change between two calls.
std::string Fingerprint(const NewOrder& order) {
  std::string text = StrCat(order.user_id.value(), ":");
  for (const WantedItem& item : order.items) {
    text += StrCat(item.product_id.value(), "x", item.quantity, ";");
  }
  return ChecksumText({text});
}

void CheckItems(FieldChecks& checks, const v1::CreateOrderRequest& request) {
  checks.Require(request.items_size() >= v1::kMinItems && request.items_size() <= v1::kMaxItems,
                 "items", StrCat("must have ", v1::kMinItems, " to ", v1::kMaxItems, " items"));
  rpc::v1::NamedIds products;
  for (int i = 0; i < std::min(request.items_size(), v1::kMaxItems); ++i) {
    const v1::CreateOrderRequest::Item& item = request.items(i);
    const std::string line = StrCat("items[", i, "]");
    checks.Id(line + ".product_id", item.product_id());
    checks.Refuse(line + ".product_id", products.FindViolation(item.product_id()));
    checks.Refuse(line + ".quantity", rpc::v1::FindIntegerViolation(
                                          item.quantity(), v1::kMinQuantity, v1::kMaxQuantity));
  }
}

}  // namespace

absl::Status OrderService::CreateOrder(const CallContext& call,
                                       const v1::CreateOrderRequest& request,
                                       v1::CreateOrderResponse& response) {
  const absl::StatusOr<Principal> principal = RequirePrincipal(request.principal());
  if (!principal.ok()) return principal.status();
  FieldChecks checks;
  checks.Id("user_id", request.user_id());
  CheckItems(checks, request);
  checks.OptionalIdempotencyKey("idempotency_key", request.idempotency_key());
  if (!checks.ok()) return checks.Check();
  const absl::Status allowed = CheckMayActFor(*principal, request.user_id());
  if (!allowed.ok()) return allowed;

  NewOrder wanted;
  wanted.user_id = UserId(request.user_id());
  for (const v1::CreateOrderRequest::Item& item : request.items()) {
    wanted.items.push_back({ProductId(item.product_id()), item.quantity()});
  }
  const IdempotencyKey key{*principal, "CreateOrder", request.idempotency_key(),
                           Fingerprint(wanted)};
  v1::CreateOrderResponse answer;
  const absl::StatusOr<bool> replayed =
      writes_.Run(call, key, answer, [&](PostgresSession& session) -> absl::StatusOr<std::int64_t> {
        const absl::StatusOr<Order> order = repository_.Create(session, wanted);
        if (!order.ok()) return order.status();
        ToProto(*order, *answer.mutable_order());
        return order->id.value();
      });
  if (!replayed.ok()) return replayed.status();
  answer.set_replayed(*replayed);
  response = std::move(answer);
  return absl::OkStatus();
}

absl::Status OrderService::GetOrder(const CallContext& call, const v1::GetOrderRequest& request,
                                    v1::GetOrderResponse& response) {
  const absl::StatusOr<Principal> principal = RequirePrincipal(request.principal());
  if (!principal.ok()) return principal.status();
  FieldChecks checks;
  checks.Id("order_id", request.order_id());
  if (!checks.ok()) return checks.Check();

  const absl::StatusOr<Order> order =
      repository_.Get(call, OrderId(request.order_id()), Owner::For(*principal));
  if (!order.ok()) return order.status();
  ToProto(*order, *response.mutable_order());
  return absl::OkStatus();
}

absl::Status OrderService::BatchGetOrders(const CallContext& call,
                                          const v1::BatchGetOrdersRequest& request,
                                          v1::BatchGetOrdersResponse& response) {
  FieldChecks checks;
  const BatchKeys<OrderId> keys(request.keys(), &v1::BatchGetOrdersRequest::Key::order_id,
                                "order_id", checks);
  if (!checks.ok()) return checks.Check();

  const absl::StatusOr<std::vector<std::optional<Order>>> found =
      repository_.FindMany(call, keys.owned_ids());
  if (!found.ok()) return found.status();
  keys.Answer(response, [&](std::size_t slot, v1::BatchGetOrdersResponse::Entry& entry) {
    const std::optional<Order>& order = (*found)[slot];
    if (!order) return BatchAnswer::Fail(entry, NoSuchOrder(keys.ids()[slot]));
    ToProto(*order, *entry.mutable_order());
  });
  return absl::OkStatus();
}

absl::Status OrderService::ListOrders(const CallContext& call, const v1::ListOrdersRequest& request,
                                      v1::ListOrdersResponse& response) {
  const absl::StatusOr<Principal> principal = RequirePrincipal(request.principal());
  if (!principal.ok()) return principal.status();
  FieldChecks checks;
  const std::int64_t listed = ListedUser(*principal, request.user_id());
  if (listed != 0) checks.Id("user_id", listed);
  const std::string scope = Scope(listed);
  const Page page = ParsePage(scope, request.page_size(), request.page_token(), checks);
  if (!checks.ok()) return checks.Check();
  const absl::Status allowed = CheckMayActFor(*principal, listed);
  if (!allowed.ok()) return allowed;

  std::optional<UserId> user_id;
  if (listed != 0) user_id = UserId(listed);
  std::optional<OrderId> before;
  if (page.after_id != 0) before = OrderId(page.after_id);
  // One more than the page tells whether there is another.
  const absl::StatusOr<std::vector<Order>> orders =
      repository_.List(call, user_id, before, page.size + 1);
  if (!orders.ok()) return orders.status();
  response.set_next_page_token(AddPage(*orders, page.size, scope, response));
  return absl::OkStatus();
}

absl::Status OrderService::BatchListOrders(const CallContext& call,
                                           const v1::BatchListOrdersRequest& request,
                                           v1::BatchListOrdersResponse& response) {
  FieldChecks checks;
  const BatchKeys<UserId> keys(request.keys(), &v1::BatchListOrdersRequest::Key::user_id, "user_id",
                               checks, KeyedBy::kOwner);
  const std::int32_t page_size = ParsePageSize(request.page_size(), checks);
  if (!checks.ok()) return checks.Check();

  const absl::StatusOr<OrdersOfUsers> loaded =
      repository_.ListOfUsers(call, keys.ids(), page_size + 1, v1::kMaxBatchLines);
  if (!loaded.ok()) return loaded.status();
  std::span<const Order> rest = loaded->orders;
  keys.Answer(response, [&](std::size_t slot, v1::BatchListOrdersResponse::Entry& entry) {
    if (slot >= loaded->complete_users) return BatchAnswer::Refuse(entry);
    const UserId user_id = keys.ids()[slot];
    v1::BatchListOrdersResponse::OrderList& list = *entry.mutable_order_list();
    list.set_next_page_token(AddPage(TakeGroup(rest, &Order::user_id, user_id), page_size,
                                     Scope(user_id.value()), list));
  });
  return absl::OkStatus();
}

absl::Status OrderService::CancelOrder(const CallContext& call,
                                       const v1::CancelOrderRequest& request,
                                       v1::CancelOrderResponse& response) {
  const absl::StatusOr<Principal> principal = RequirePrincipal(request.principal());
  if (!principal.ok()) return principal.status();
  FieldChecks checks;
  checks.Id("order_id", request.order_id());
  if (!checks.ok()) return checks.Check();

  const absl::StatusOr<Order> order =
      repository_.CallOff(call, OrderId(request.order_id()), Owner::For(*principal));
  if (!order.ok()) return order.status();
  if (order->state == OrderState::kRefunding) faults_.Pass(kAfterRefundRequestCommit);
  ToProto(*order, *response.mutable_order());
  return absl::OkStatus();
}

absl::Status OrderService::ReservePayment(const CallContext& call,
                                          const v1::ReservePaymentRequest& request,
                                          v1::ReservePaymentResponse& response) {
  const absl::StatusOr<Principal> principal = RequirePrincipal(request.principal());
  if (!principal.ok()) return principal.status();
  FieldChecks checks;
  checks.Id("order_id", request.order_id());
  checks.Refuse("idempotency_key", rpc::v1::FindIdempotencyKeyViolation(request.idempotency_key()));
  if (request.user_id() != 0) checks.Id("user_id", request.user_id());
  if (!checks.ok()) return checks.Check();

  WantedReservation wanted{OrderId(request.order_id()),
                           Owner::For(*principal),
                           PrincipalKey(*principal),
                           request.idempotency_key(),
                           {},
                           request.payload_checksum()};
  if (request.has_amount_minor()) wanted.expected.amount_minor = request.amount_minor();
  wanted.expected.currency = request.currency_code();
  if (request.user_id() != 0) wanted.expected.user_id = UserId(request.user_id());
  const absl::StatusOr<Reservation> reserved = reservations_.Reserve(call, wanted);
  if (!reserved.ok()) return reserved.status();
  faults_.Pass(kAfterReservationCommit);
  v1::PaymentReservation& reservation = *response.mutable_reservation();
  reservation.set_id(reserved->id);
  reservation.set_order_id(reserved->order_id.value());
  reservation.set_user_id(reserved->user_id.value());
  ToProto(reserved->amount, *reservation.mutable_amount());
  return absl::OkStatus();
}

absl::Status OrderService::RequestRefund(const CallContext& call,
                                         const v1::RequestRefundRequest& request,
                                         v1::RequestRefundResponse& response) {
  const absl::StatusOr<Principal> principal = RequirePrincipal(request.principal());
  if (!principal.ok()) return principal.status();
  const absl::Status allowed = CheckIsAdmin(*principal);
  if (!allowed.ok()) return allowed;
  FieldChecks checks;
  checks.Id("order_id", request.order_id());
  checks.OptionalUuid("reservation_id", request.reservation_id());
  if (!checks.ok()) return checks.Check();

  const OrderId id(request.order_id());
  const absl::Status begun = reservations_.RequestRefund(call, id, request.reservation_id());
  if (!begun.ok()) return begun;
  faults_.Pass(kAfterRefundRequestCommit);
  const absl::StatusOr<Order> order = repository_.Get(call, id, Owner::Anyone());
  if (!order.ok()) return order.status();
  ToProto(*order, *response.mutable_order());
  return absl::OkStatus();
}

}  // namespace scaleout::order
