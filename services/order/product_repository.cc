#include "services/order/product_repository.h"

#include <cstdint>
#include <string>

#include "common/str_cat.h"
#include "postgres/postgres_pool.h"
#include "service/wall_time.h"

namespace scaleout::order {
namespace {

#define PRODUCT_COLUMNS               \
  "id, name, price_minor, currency, " \
  "(extract(epoch FROM created_at) * 1000000)::bigint AS created_us"

constexpr PostgresStatement kGetProduct = {
    "get_product", "SELECT " PRODUCT_COLUMNS " FROM products WHERE id = $1"};

constexpr PostgresStatement kListProducts = {
    "list_products", "SELECT " PRODUCT_COLUMNS " FROM products WHERE id > $1 ORDER BY id LIMIT $2"};

#undef PRODUCT_COLUMNS

Product ToProduct(const pqxx::row& row) {
  Product product;
  product.id = ProductId(row["id"].as<std::int64_t>());
  product.name = row["name"].as<std::string>();
  product.price = {row["price_minor"].as<std::int64_t>(), row["currency"].as<std::string>()};
  product.created_at = WallTimeFromMicros(row["created_us"].as<std::int64_t>());
  return product;
}

class PostgresProductRepository final : public ProductRepository {
 public:
  explicit PostgresProductRepository(PostgresPool& pool) : pool_(pool) {}

  absl::StatusOr<Product> Get(const CallContext& call, ProductId id) override {
    const absl::StatusOr<pqxx::result> rows = pool_.Query(call, kGetProduct, {id.value()});
    if (!rows.ok()) return rows.status();
    if (rows->empty()) return absl::NotFoundError(StrCat("there is no product ", id.value()));
    return ToProduct(rows->front());
  }

  absl::StatusOr<std::vector<Product>> List(const CallContext& call, std::optional<ProductId> after,
                                            int limit) override {
    const std::int64_t above = after ? after->value() : 0;
    const absl::StatusOr<pqxx::result> rows = pool_.Query(call, kListProducts, {above, limit});
    if (!rows.ok()) return rows.status();
    std::vector<Product> products;
    for (const auto& row : *rows) products.push_back(ToProduct(row));
    return products;
  }

 private:
  PostgresPool& pool_;
};

}  // namespace

std::unique_ptr<ProductRepository> MakeProductRepository(PostgresPool& pool) {
  return std::make_unique<PostgresProductRepository>(pool);
}

}  // namespace scaleout::order
