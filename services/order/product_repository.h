// The catalog's table, as plain structs. All of its SQL is in the .cc.
//
// It only reads: products come with the demo data or by SQL. Every method takes the call on whose
// behalf it works and returns its statuses, and the pool's: UNAVAILABLE, DEADLINE_EXCEEDED,
// CANCELLED. Implementations are thread-safe.
#ifndef SCALEOUT_SERVICES_ORDER_PRODUCT_REPOSITORY_H_
#define SCALEOUT_SERVICES_ORDER_PRODUCT_REPOSITORY_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "services/order/order.h"

namespace scaleout {
class PostgresPool;
}  // namespace scaleout

namespace scaleout::order {

// What is answered for the id of a product that does not exist: NOT_FOUND.
absl::Status NoSuchProduct(ProductId id);

class ProductRepository {
 public:
  virtual ~ProductRepository() = default;

  // NOT_FOUND.
  virtual absl::StatusOr<Product> Get(const CallContext& call, ProductId id) = 0;
  // Those that exist, in no order; one statement. Each of `ids` occurs once.
  virtual absl::StatusOr<std::vector<Product>> FindMany(const CallContext& call,
                                                        const std::vector<ProductId>& ids) = 0;
  // By id, ascending, from above `after` (none: from the first), at most `limit`.
  virtual absl::StatusOr<std::vector<Product>> List(const CallContext& call,
                                                    std::optional<ProductId> after, int limit) = 0;
};

// `pool` must outlive the repository.
std::unique_ptr<ProductRepository> MakeProductRepository(PostgresPool& pool);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_PRODUCT_REPOSITORY_H_
