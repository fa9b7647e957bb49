#include "services/order/order_repository.h"

#include <cstdint>
#include <string>

#include "common/checksum.h"
#include "common/status.h"
#include "common/str_cat.h"
#include "postgres/postgres_pool.h"
#include "service/wall_time.h"
#include "services/order/order_pricing.h"

namespace scaleout::order {
namespace {

#define ORDER_COLUMNS                                                    \
  "o.id, o.user_id, o.state, o.total_minor, o.currency, "                \
  "(extract(epoch FROM o.created_at) * 1000000)::bigint AS created_us, " \
  "(extract(epoch FROM o.updated_at) * 1000000)::bigint AS updated_us"
#define ITEM_COLUMNS "i.product_id, i.product_name, i.quantity, i.unit_price_minor"
// One row for each line; the order's own columns repeat.
#define SELECT_LINES "SELECT " ORDER_COLUMNS ", " ITEM_COLUMNS " FROM "
#define JOIN_ITEMS " AS o JOIN order_items AS i ON i.order_id = o.id ORDER BY o.id DESC, i.line"

constexpr PostgresStatement kGetPrices = {
    "get_prices",
    "SELECT id, name, price_minor, currency FROM products WHERE id = ANY($1::bigint[])"};

// The index decides about the key, without a check before it; no row is answered if it was taken.
constexpr PostgresStatement kCreateOrder = {
    "create_order",
    "WITH o AS ("
    "  INSERT INTO orders (user_id, state, total_minor, currency, creation_key, "
    "creation_fingerprint)"
    "  VALUES ($1, $2, $3, $4, $5, $6)"
    "  ON CONFLICT (user_id, creation_key) WHERE creation_key IS NOT NULL DO NOTHING RETURNING *"
    "), lines AS ("
    "  INSERT INTO order_items (order_id, line, product_id, quantity, unit_price_minor, "
    "product_name)"
    "  SELECT o.id, l.line, l.product_id, l.quantity, l.price, l.name FROM o,"
    "  unnest($7::bigint[], $8::int[], $9::bigint[], $10::text[]) WITH ORDINALITY"
    "    AS l (product_id, quantity, price, name, line)"
    ") SELECT " ORDER_COLUMNS " FROM o"};

constexpr PostgresStatement kFindCreatedOrder = {
    "find_created_order",
    "SELECT id, creation_fingerprint FROM orders WHERE user_id = $1 AND creation_key = $2"};

constexpr PostgresStatement kGetOrder = {
    "get_order", SELECT_LINES "(SELECT * FROM orders WHERE id = $1)" JOIN_ITEMS};

constexpr PostgresStatement kListOrders = {
    "list_orders",
    SELECT_LINES "(SELECT * FROM orders WHERE id < $1 ORDER BY id DESC LIMIT $2)" JOIN_ITEMS};

constexpr PostgresStatement kListOrdersOfUser = {
    "list_orders_of_user", SELECT_LINES
    "(SELECT * FROM orders WHERE user_id = $3 AND id < $1 ORDER BY id DESC LIMIT $2)" JOIN_ITEMS};

constexpr PostgresStatement kListOrdersOfUsers = {
    "list_orders_of_users", SELECT_LINES
    "unnest($1::bigint[]) WITH ORDINALITY AS k (user_id, position)"
    " CROSS JOIN LATERAL"
    "  (SELECT * FROM orders WHERE user_id = k.user_id ORDER BY id DESC LIMIT $2) AS o"
    " JOIN order_items AS i ON i.order_id = o.id"
    " ORDER BY k.position, o.id DESC, i.line"};

constexpr PostgresStatement kLockOrder = {"lock_order",
                                          "SELECT state FROM orders WHERE id = $1 FOR UPDATE"};

constexpr PostgresStatement kMoveOrder = {
    "move_order", "UPDATE orders SET state = $2, updated_at = now() WHERE id = $1"};

#undef ORDER_COLUMNS
#undef ITEM_COLUMNS
#undef SELECT_LINES
#undef JOIN_ITEMS

// The order's own columns, without its lines.
Order ToOrder(const pqxx::row& row) {
  Order order;
  order.id = OrderId(row["id"].as<std::int64_t>());
  order.user_id = UserId(row["user_id"].as<std::int64_t>());
  // The table's CHECK and order_state.h name the same states.
  order.state = FindOrderState(row["state"].as<std::string>()).value();
  order.total = {row["total_minor"].as<std::int64_t>(), row["currency"].as<std::string>()};
  order.created_at = WallTimeFromMicros(row["created_us"].as<std::int64_t>());
  order.updated_at = WallTimeFromMicros(row["updated_us"].as<std::int64_t>());
  return order;
}

// Of rows that are sorted, so that the lines of one order follow each other.
std::vector<Order> ToOrders(const pqxx::result& rows) {
  std::vector<Order> orders;
  for (const auto& row : rows) {
    const OrderId id(row["id"].as<std::int64_t>());
    if (orders.empty() || orders.back().id != id) orders.push_back(ToOrder(row));
    Order& order = orders.back();
    order.items.push_back({ProductId(row["product_id"].as<std::int64_t>()),
                           row["product_name"].as<std::string>(),
                           row["quantity"].as<std::int32_t>(),
                           {row["unit_price_minor"].as<std::int64_t>(), order.total.currency}});
  }
  return orders;
}

// What the client asked for, whatever the catalog says meanwhile.
std::string Fingerprint(const NewOrder& order) {
  std::string lines;
  for (const WantedItem& item : order.items) {
    lines += StrCat(item.product_id.value(), "x", item.quantity, ";");
  }
  return ChecksumText({lines});
}

absl::Status NoSuchOrder(OrderId id) {
  return absl::NotFoundError(StrCat("there is no order ", id.value()));
}

// One transaction's view; the methods are the steps of it.
class OrderTransaction {
 public:
  explicit OrderTransaction(PostgresSession& session) : session_(session) {}

  absl::StatusOr<Order> Get(OrderId id) {
    const absl::StatusOr<pqxx::result> rows = session_.Exec(kGetOrder, {id.value()});
    if (!rows.ok()) return rows.status();
    if (rows->empty()) return NoSuchOrder(id);
    return ToOrders(*rows).front();
  }

  // The order that the key created earlier; nothing if the key is new.
  absl::StatusOr<std::optional<CreatedOrder>> FindCreated(const NewOrder& order) {
    const absl::StatusOr<pqxx::result> rows =
        session_.Exec(kFindCreatedOrder, {order.user_id.value(), order.idempotency_key});
    if (!rows.ok()) return rows.status();
    if (rows->empty()) return std::optional<CreatedOrder>();
    if (rows->front()["creation_fingerprint"].as<std::string>() != Fingerprint(order)) {
      return WithReason(
          absl::FailedPreconditionError("the idempotency key was used for another order"),
          "IDEMPOTENCY_KEY_REUSED");
    }
    absl::StatusOr<Order> earlier = Get(OrderId(rows->front()["id"].as<std::int64_t>()));
    if (!earlier.ok()) return earlier.status();
    return std::optional<CreatedOrder>(CreatedOrder{*std::move(earlier), true});
  }

  absl::StatusOr<PricedItems> Price(const std::vector<WantedItem>& wanted) {
    std::vector<std::int64_t> ids;
    ids.reserve(wanted.size());
    for (const WantedItem& item : wanted) ids.push_back(item.product_id.value());
    const absl::StatusOr<pqxx::result> rows = session_.Exec(kGetPrices, {ids});
    if (!rows.ok()) return rows.status();
    std::vector<Product> catalog;
    for (const auto& row : *rows) {
      Product product;
      product.id = ProductId(row["id"].as<std::int64_t>());
      product.name = row["name"].as<std::string>();
      product.price = {row["price_minor"].as<std::int64_t>(), row["currency"].as<std::string>()};
      catalog.push_back(std::move(product));
    }
    return PriceItems(wanted, catalog);
  }

  // Nothing if the key was taken by a call that ran beside this one and has committed since.
  absl::StatusOr<std::optional<CreatedOrder>> Insert(const NewOrder& order, PricedItems priced) {
    std::vector<std::int64_t> product_ids;
    std::vector<std::int64_t> quantities;
    std::vector<std::int64_t> prices;
    std::vector<std::string> names;
    for (const OrderItem& item : priced.items) {
      product_ids.push_back(item.product_id.value());
      quantities.push_back(item.quantity);
      prices.push_back(item.unit_price.amount_minor);
      names.push_back(item.product_name);
    }
    std::optional<std::string> key;
    std::optional<std::string> fingerprint;
    if (!order.idempotency_key.empty()) {
      key = order.idempotency_key;
      fingerprint = Fingerprint(order);
    }
    const absl::StatusOr<pqxx::result> rows = session_.Exec(
        kCreateOrder, {order.user_id.value(), std::string(OrderStateName(OrderState::kPending)),
                       priced.total.amount_minor, priced.total.currency, key, fingerprint,
                       product_ids, quantities, prices, names});
    if (!rows.ok()) return rows.status();
    if (rows->empty()) return std::optional<CreatedOrder>();
    CreatedOrder created{ToOrder(rows->front()), false};
    created.order.items = std::move(priced.items);
    return std::optional<CreatedOrder>(std::move(created));
  }

 private:
  PostgresSession& session_;
};

class PostgresOrderRepository final : public OrderRepository {
 public:
  explicit PostgresOrderRepository(PostgresPool& pool) : pool_(pool) {}

  absl::StatusOr<CreatedOrder> Create(const CallContext& call, const NewOrder& order) override {
    CreatedOrder result;
    const absl::Status status = pool_.Transact(
        call, [&](PostgresSession& session) { return Create(session, order, result); });
    if (!status.ok()) return status;
    return result;
  }

  absl::StatusOr<Order> Get(const CallContext& call, OrderId id) override {
    const absl::StatusOr<pqxx::result> rows = pool_.Query(call, kGetOrder, {id.value()});
    if (!rows.ok()) return rows.status();
    if (rows->empty()) return NoSuchOrder(id);
    return ToOrders(*rows).front();
  }

  absl::StatusOr<std::vector<Order>> List(const CallContext& call, std::optional<UserId> user_id,
                                          std::optional<OrderId> before, int limit) override {
    const std::int64_t below = before ? before->value() : kMaxId + 1;
    const absl::StatusOr<pqxx::result> rows =
        user_id ? pool_.Query(call, kListOrdersOfUser, {below, limit, user_id->value()})
                : pool_.Query(call, kListOrders, {below, limit});
    if (!rows.ok()) return rows.status();
    return ToOrders(*rows);
  }

  absl::StatusOr<std::vector<Order>> ListOfUsers(const CallContext& call,
                                                 const std::vector<UserId>& user_ids,
                                                 int limit) override {
    std::vector<std::int64_t> ids;
    ids.reserve(user_ids.size());
    for (const UserId id : user_ids) ids.push_back(id.value());
    const absl::StatusOr<pqxx::result> rows = pool_.Query(call, kListOrdersOfUsers, {ids, limit});
    if (!rows.ok()) return rows.status();
    return ToOrders(*rows);
  }

  absl::StatusOr<Order> Apply(const CallContext& call, OrderId id, OrderEvent event) override {
    Order result;
    const absl::Status status = pool_.Transact(call, [&](PostgresSession& session) -> absl::Status {
      const absl::StatusOr<pqxx::result> locked = session.Exec(kLockOrder, {id.value()});
      if (!locked.ok()) return locked.status();
      if (locked->empty()) return NoSuchOrder(id);
      const auto state = FindOrderState(locked->front()["state"].as<std::string>()).value();
      const std::optional<OrderState> next = NextState(state, event);
      if (!next) {
        return absl::FailedPreconditionError(
            StrCat("order ", id.value(), " is ", OrderStateName(state)));
      }
      if (*next != state) {
        const absl::StatusOr<pqxx::result> moved =
            session.Exec(kMoveOrder, {id.value(), std::string(OrderStateName(*next))});
        if (!moved.ok()) return moved.status();
      }
      absl::StatusOr<Order> order = OrderTransaction(session).Get(id);
      if (!order.ok()) return order.status();
      result = *std::move(order);
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return result;
  }

 private:
  static absl::Status Create(PostgresSession& session, const NewOrder& order,
                             CreatedOrder& result) {
    OrderTransaction transaction(session);
    absl::StatusOr<std::optional<CreatedOrder>> created = std::optional<CreatedOrder>();
    // First, so that a repeated call gets its order even if a product has gone since.
    if (!order.idempotency_key.empty()) created = transaction.FindCreated(order);
    if (!created.ok()) return created.status();
    if (!*created) {
      absl::StatusOr<PricedItems> priced = transaction.Price(order.items);
      if (!priced.ok()) return priced.status();
      created = transaction.Insert(order, *std::move(priced));
      if (!created.ok()) return created.status();
    }
    if (!*created) created = transaction.FindCreated(order);
    if (!created.ok()) return created.status();
    // The other call's order is gone again; its client, and so this one, has to start over.
    if (!*created) return absl::AbortedError("a concurrent call with the same key failed");
    result = **std::move(created);
    return absl::OkStatus();
  }

  PostgresPool& pool_;
};

}  // namespace

std::unique_ptr<OrderRepository> MakeOrderRepository(PostgresPool& pool) {
  return std::make_unique<PostgresOrderRepository>(pool);
}

}  // namespace scaleout::order
