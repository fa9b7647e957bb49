#include "gateway/handlers/product_handlers.h"

#include <utility>

#include "gateway/handlers/ask_backend.h"
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
  if (absl::Status checked = query.Check(); !checked.ok()) return Refuse(checked);
  return AskBackend(products_.ListProducts(context, std::move(ask)), {},
                    [](const order::v1::ListProductsResponse& answer) {
                      return PageResponse(answer.products(), answer.next_page_token(),
                                          &WriteProduct);
                    });
}

Task<absl::StatusOr<Response>> ProductHandlers::Get(RequestContext& context,
                                                    const Request& request) {
  QueryReader query(request);
  order::v1::GetProductRequest ask;
  ask.set_product_id(query.PathId("id"));
  if (absl::Status checked = query.Check(); !checked.ok()) return Refuse(checked);
  return AskBackend(products_.GetProduct(context, std::move(ask)), kProductNames,
                    [](const order::v1::GetProductResponse& answer) {
                      return ItemResponse(answer.product(), &WriteProduct);
                    });
}

}  // namespace scaleout::gateway
