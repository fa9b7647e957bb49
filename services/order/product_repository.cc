#include "services/order/product_repository.h"

#include <cstdint>
#include <utility>

#include "common/str_cat.h"
#include "postgres/postgres_pool.h"

namespace scaleout::order {
namespace {

#define PRODUCT_COLUMNS               \
  "id, name, price_minor, currency, " \
  "(date_part('epoch', created_at) * 1000000)::bigint AS created_us"

constexpr PostgresStatement kGetProduct = {
    "get_product", "SELECT " PRODUCT_COLUMNS " FROM products WHERE id = $1"};

constexpr PostgresStatement kFindProducts = {
    "find_products", "SELECT " PRODUCT_COLUMNS " FROM products WHERE id = ANY($1::bigint[])"};

constexpr PostgresStatement kListProducts = {
    "list_products", "SELECT " PRODUCT_COLUMNS " FROM products WHERE id > $1 ORDER BY id LIMIT $2"};

#undef PRODUCT_COLUMNS

Product ToProduct(const PostgresRow& row) {
  Product product;
  product.id = ProductId(row.Int64("id"));
  product.name = row.Text("name");
  product.price = {row.Int64("price_minor"), row.Text("currency")};
  product.created_at = row.Time("created_us");
  return product;
}

class PostgresProductRepository final : public ProductRepository {
 public:
  explicit PostgresProductRepository(PostgresPool& pool) : pool_(pool) {}

  absl::StatusOr<Product> Get(const CallContext& call, ProductId id) override {
    absl::StatusOr<std::optional<Product>> product =
        pool_.FindRow(call, kGetProduct, {id.value()}, ToProduct);
    if (!product.ok()) return product.status();
    if (!*product) return NoSuchProduct(id);
    return **std::move(product);
  }

  absl::StatusOr<std::vector<Product>> FindMany(const CallContext& call,
                                                const std::vector<ProductId>& ids) override {
    return pool_.Query(call, kFindProducts, {ToValues(ids)}, ToProduct);
  }

  absl::StatusOr<std::vector<Product>> List(const CallContext& call, std::optional<ProductId> after,
                                            int limit) override {
    const std::int64_t above = after ? after->value() : 0;
    return pool_.Query(call, kListProducts, {above, limit}, ToProduct);
  }

 private:
  PostgresPool& pool_;
};

}  // namespace

absl::Status NoSuchProduct(ProductId id) {
  return absl::NotFoundError(StrCat("there is no product ", id.value()));
}

std::unique_ptr<ProductRepository> MakeProductRepository(PostgresPool& pool) {
  return std::make_unique<PostgresProductRepository>(pool);
}

}  // namespace scaleout::order
