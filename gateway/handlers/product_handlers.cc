#include "gateway/handlers/product_handlers.h"

#include <utility>

#include "gateway/handlers/json_response.h"
#include "gateway/json/field_path.h"
#include "gateway/json/query_reader.h"
#include "gateway/json/resource_json.h"

namespace scaleout::gateway {
namespace {

constexpr ClientName kProductNames[] = {{"product_id", "/id"}};

}  // namespace

Task<absl::StatusOr<Response>> ProductHandlers::List(RequestContext& context,
                                                     const Request& request) {
  QueryReader query(request);
  order::v1::ListProductsRequest ask;
  ask.set_page_size(query.PageSize());
  ask.set_page_token(query.PageToken());
  absl::Status checked = query.Check();
  if (!checked.ok()) co_return checked;

  Task<absl::StatusOr<order::v1::ListProductsResponse>> call =
      products_.ListProducts(context, std::move(ask));
  const absl::StatusOr<order::v1::ListProductsResponse> answer = co_await call;
  if (!answer.ok()) co_return WithClientNames(answer.status());

  JsonWriter json;
  json.StartObject();
  WritePage(json, answer->products(), answer->next_page_token(), &WriteProduct);
  json.EndObject();
  co_return JsonResponse(json);
}

Task<absl::StatusOr<Response>> ProductHandlers::Get(RequestContext& context,
                                                    const Request& request) {
  QueryReader query(request);
  order::v1::GetProductRequest ask;
  ask.set_product_id(query.PathId("id"));
  absl::Status checked = query.Check();
  if (!checked.ok()) co_return checked;

  Task<absl::StatusOr<order::v1::GetProductResponse>> call =
      products_.GetProduct(context, std::move(ask));
  const absl::StatusOr<order::v1::GetProductResponse> answer = co_await call;
  if (!answer.ok()) co_return WithClientNames(answer.status(), kProductNames);

  JsonWriter json;
  WriteProduct(json, answer->product());
  co_return JsonResponse(json);
}

}  // namespace scaleout::gateway
