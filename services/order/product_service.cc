#include "services/order/product_service.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "service/batch_answer.h"
#include "service/batch_keys.h"
#include "service/field_checks.h"
#include "service/page_token.h"
#include "service/wall_time.h"

namespace scaleout::order {
namespace {

constexpr std::string_view kProductsScope = "products";

void ToProto(const Product& product, v1::Product& message) {
  message.set_id(product.id.value());
  message.set_name(product.name);
  message.mutable_price()->set_amount_minor(product.price.amount_minor);
  message.mutable_price()->set_currency_code(product.price.currency);
  scaleout::ToProto(product.created_at, *message.mutable_created_at());
}

}  // namespace

absl::Status ProductService::GetProduct(const CallContext& call,
                                        const v1::GetProductRequest& request,
                                        v1::GetProductResponse& response) {
  FieldChecks checks;
  checks.Id("product_id", request.product_id());
  if (!checks.ok()) return checks.Check();

  const absl::StatusOr<Product> product = repository_.Get(call, ProductId(request.product_id()));
  if (!product.ok()) return product.status();
  ToProto(*product, *response.mutable_product());
  return absl::OkStatus();
}

absl::Status ProductService::BatchGetProducts(const CallContext& call,
                                              const v1::BatchGetProductsRequest& request,
                                              v1::BatchGetProductsResponse& response) {
  FieldChecks checks;
  const BatchKeys<ProductId> keys(request.keys(), &v1::BatchGetProductsRequest::Key::product_id,
                                  "product_id", checks);
  if (!checks.ok()) return checks.Check();

  absl::StatusOr<std::vector<Product>> products = repository_.FindMany(call, keys.ids());
  if (!products.ok()) return products.status();
  const std::vector<Product*> found = keys.FindEach(*products, &Product::id);
  keys.Answer(response, [&](std::size_t slot, v1::BatchGetProductsResponse::Entry& entry) {
    if (found[slot] == nullptr) return BatchAnswer::Fail(entry, NoSuchProduct(keys.ids()[slot]));
    ToProto(*found[slot], *entry.mutable_product());
  });
  return absl::OkStatus();
}

absl::Status ProductService::ListProducts(const CallContext& call,
                                          const v1::ListProductsRequest& request,
                                          v1::ListProductsResponse& response) {
  FieldChecks checks;
  const Page page = ParsePage(kProductsScope, request.page_size(), request.page_token(), checks);
  if (!checks.ok()) return checks.Check();

  std::optional<ProductId> after;
  if (page.after_id != 0) after = ProductId(page.after_id);
  // One more than the page tells whether there is another.
  const absl::StatusOr<std::vector<Product>> products =
      repository_.List(call, after, page.size + 1);
  if (!products.ok()) return products.status();
  const auto size = std::min(products->size(), static_cast<std::size_t>(page.size));
  for (std::size_t i = 0; i < size; ++i) ToProto((*products)[i], *response.add_products());
  if (products->size() > size) {
    response.set_next_page_token(MakePageToken(kProductsScope, (*products)[size - 1].id.value()));
  }
  return absl::OkStatus();
}

}  // namespace scaleout::order
