#include "gateway/handlers/order_handlers.h"

#include <cstdint>
#include <string>
#include <utility>

#include "common/str_cat.h"
#include "gateway/handlers/ask_backend.h"
#include "gateway/handlers/idempotency_key.h"
#include "gateway/handlers/json_response.h"
#include "gateway/handlers/own_user.h"
#include "gateway/json/field_path.h"
#include "gateway/json/json_reader.h"
#include "gateway/json/query_reader.h"
#include "gateway/json/resource_json.h"
#include "proto/scaleout/order/v1/order_limits.h"
#include "proto/scaleout/rpc/v1/request_limits.h"

namespace scaleout::gateway {
namespace {

constexpr ClientName kFilterNames[] = {{"user_id", "/user_id"}};
// Of the routes of one order.
constexpr ClientName kOrderNames[] = {{"order_id", "/id"}};

absl::StatusOr<order::v1::CreateOrderRequest> ParseCreate(const RequestContext& context,
                                                          const Request& request) {
  QueryReader query(request);
  absl::StatusOr<std::string> key = FindIdempotencyKey(request);
  JsonBody body(request);
  order::v1::CreateOrderRequest ask;
  ask.set_user_id(ReadUserId(context, body.root()));
  rpc::v1::NamedIds products;
  const auto read_item = [&ask, &products](JsonFields& fields) {
    order::v1::CreateOrderRequest::Item& item = *ask.add_items();
    item.set_product_id(fields.Id("productId"));
    if (const rpc::v1::Violation violation = products.FindViolation(item.product_id())) {
      fields.Refuse("productId", *violation);
    }
    item.set_quantity(static_cast<std::int32_t>(
        fields.Integer("quantity", order::v1::kMinQuantity, order::v1::kMaxQuantity)));
  };
  body.root().Objects("items", order::v1::kMinItems, order::v1::kMaxItems, read_item);
  if (absl::Status status = CheckCreation(query, key.status(), body); !status.ok()) return status;
  ask.set_idempotency_key(*std::move(key));
  return ask;
}

}  // namespace

Task<absl::StatusOr<Response>> OrderHandlers::List(RequestContext& context,
                                                   const Request& request) {
  QueryReader query(request);
  order::v1::ListOrdersRequest ask;
  ask.set_page_size(query.PageSize());
  ask.set_page_token(query.PageToken());
  ask.set_user_id(ReadUserFilter(context, query));
  if (absl::Status checked = query.Check(); !checked.ok()) return Refuse(checked);
  return AskBackend(orders_.ListOrders(context, std::move(ask)), kFilterNames,
                    [](const order::v1::ListOrdersResponse& answer) {
                      return PageResponse(answer.orders(), answer.next_page_token(), &WriteOrder);
                    });
}

Task<absl::StatusOr<Response>> OrderHandlers::Create(RequestContext& context,
                                                     const Request& request) {
  absl::StatusOr<order::v1::CreateOrderRequest> ask = ParseCreate(context, request);
  if (!ask.ok()) return Refuse(ask.status());
  return AskBackend(orders_.CreateOrder(context, *std::move(ask)), {},
                    [](const order::v1::CreateOrderResponse& answer) {
                      return CreatedResponse(answer.order(), &WriteOrder,
                                             StrCat("/api/orders/", answer.order().id()),
                                             answer.replayed());
                    });
}

Task<absl::StatusOr<Response>> OrderHandlers::Get(RequestContext& context, const Request& request) {
  QueryReader query(request);
  order::v1::GetOrderRequest ask;
  ask.set_order_id(query.PathId("id"));
  if (absl::Status checked = query.Check(); !checked.ok()) return Refuse(checked);
  return AskBackend(orders_.GetOrder(context, std::move(ask)), kOrderNames,
                    [](const order::v1::GetOrderResponse& answer) {
                      return ItemResponse(answer.order(), &WriteOrder);
                    });
}

Task<absl::StatusOr<Response>> OrderHandlers::Cancel(RequestContext& context,
                                                     const Request& request) {
  QueryReader query(request);
  order::v1::CancelOrderRequest ask;
  ask.set_order_id(query.PathId("id"));
  if (absl::Status checked = query.Check(); !checked.ok()) return Refuse(checked);
  return AskBackend(orders_.CancelOrder(context, std::move(ask)), kOrderNames,
                    [](const order::v1::CancelOrderResponse& answer) {
                      return ItemResponse(answer.order(), &WriteOrder);
                    });
}

}  // namespace scaleout::gateway
