#include "services/order/order_repository.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "common/str_cat.h"
#include "postgres/postgres_pool.h"
#include "service/events/outbox.h"
#include "services/order/line_order.h"
#include "services/order/locked_order.h"
#include "services/order/order_events.h"
#include "services/order/order_pricing.h"

namespace scaleout::order {
namespace {

#define ORDER_COLUMNS                                                    \
  "o.id, o.user_id, o.state, o.total_minor, o.currency, "                \
  "(date_part('epoch', o.created_at) * 1000000)::bigint AS created_us, " \
  "(date_part('epoch', o.updated_at) * 1000000)::bigint AS updated_us"
#define ITEM_COLUMNS "i.line, i.product_id, i.product_name, i.quantity, i.unit_price_minor"
// One row for each line; the order's own columns repeat.
#define SELECT_LINES "SELECT " ORDER_COLUMNS ", " ITEM_COLUMNS " FROM "
// An index for each order's lines, whatever the plan expects of the orders: with a plain join, a
// generic plan of a list reads all lines of all orders.
#define JOIN_ITEMS \
  " AS o CROSS JOIN LATERAL (SELECT * FROM order_items WHERE order_id = o.id ORDER BY line) AS i "
#define BY_ORDER_AND_LINE "ORDER BY o.id DESC, i.line"

constexpr PostgresStatement kGetPrices = {
    "get_prices",
    "SELECT id, name, price_minor, currency FROM products WHERE id = ANY($1::bigint[])"};

constexpr PostgresStatement kCreateOrder = {
    "create_order",
    "WITH o AS ("
    "  INSERT INTO orders (user_id, state, total_minor, currency) VALUES ($1, $2, $3, $4) "
    "RETURNING *"
    "), lines AS ("
    "  INSERT INTO order_items (order_id, line, product_id, quantity, unit_price_minor, "
    "product_name)"
    "  SELECT o.id, l.line, l.product_id, l.quantity, l.price, l.name FROM o,"
    "  unnest($5::bigint[], $6::int[], $7::bigint[], $8::text[]) WITH ORDINALITY"
    "    AS l (product_id, quantity, price, name, line)"
    ") SELECT " ORDER_COLUMNS " FROM o"};

constexpr PostgresStatement kGetOrder = {
    "get_order", SELECT_LINES
    "(SELECT * FROM orders WHERE id = $1 AND ($2::bigint IS NULL OR user_id = $2))" JOIN_ITEMS
        BY_ORDER_AND_LINE};

// The LIMIT has each key's order looked for by its id, whatever the plan expects of the keys.
constexpr PostgresStatement kFindOrders = {
    "find_orders", "SELECT k.position, " ORDER_COLUMNS ", " ITEM_COLUMNS
                   " FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY"
                   " AS k (order_id, owner, position) CROSS JOIN LATERAL"
                   " (SELECT * FROM orders WHERE id = k.order_id"
                   " AND (k.owner IS NULL OR user_id = k.owner) LIMIT 1)" JOIN_ITEMS
                   "ORDER BY k.position, i.line"};

constexpr PostgresStatement kListOrders = {
    "list_orders", SELECT_LINES
    "(SELECT * FROM orders WHERE id < $1 ORDER BY id DESC LIMIT $2)" JOIN_ITEMS BY_ORDER_AND_LINE};

constexpr PostgresStatement kListOrdersOfUser = {
    "list_orders_of_user", SELECT_LINES
    "(SELECT * FROM orders WHERE user_id = $3 AND id < $1 ORDER BY id DESC LIMIT $2)" JOIN_ITEMS
        BY_ORDER_AND_LINE};

// Every part reads an index in the order of the answer, so that nothing is sorted. SQL does not
// promise the order of a join, hence the reader checks it.
#define SELECT_LINES_OF_USERS                                     \
  SELECT_LINES                                                    \
  "unnest($1::bigint[]) WITH ORDINALITY AS k (user_id, position)" \
  " CROSS JOIN LATERAL"                                           \
  " (SELECT * FROM orders WHERE user_id = k.user_id ORDER BY id DESC LIMIT $2)" JOIN_ITEMS
constexpr PostgresStatement kListOrdersOfUsers = {"list_orders_of_users",
                                                  SELECT_LINES_OF_USERS "LIMIT $3"};
constexpr PostgresStatement kSortOrdersOfUsers = {
    "sort_orders_of_users",
    SELECT_LINES_OF_USERS "ORDER BY k.position, o.id DESC, i.line LIMIT $3"};

#undef ORDER_COLUMNS
#undef ITEM_COLUMNS
#undef SELECT_LINES
#undef JOIN_ITEMS
#undef BY_ORDER_AND_LINE
#undef SELECT_LINES_OF_USERS

// The order's own columns, without its lines.
Order ToOrder(const PostgresRow& row) {
  Order order;
  order.id = OrderId(row.Int64("id"));
  order.user_id = UserId(row.Int64("user_id"));
  order.state = row.Parsed("state", FindOrderState);
  order.total = {row.Int64("total_minor"), row.Text("currency")};
  order.created_at = row.Time("created_us");
  order.updated_at = row.Time("updated_us");
  return order;
}

void AddItem(const PostgresRow& row, Order& order) {
  order.items.push_back({ProductId(row.Int64("product_id")),
                         row.Text("product_name"),
                         row.Int32("quantity"),
                         {row.Int64("unit_price_minor"), order.total.currency}});
}

// Reads rows that are sorted, so that the lines of one order follow each other.
auto AddLinesTo(std::vector<Order>& orders) {
  return [&orders](const PostgresRow& row) {
    const OrderId id(row.Int64("id"));
    if (orders.empty() || orders.back().id != id) orders.push_back(ToOrder(row));
    AddItem(row, orders.back());
  };
}

Product ToPricedProduct(const PostgresRow& row) {
  Product product;
  product.id = ProductId(row.Int64("id"));
  product.name = row.Text("name");
  product.price = {row.Int64("price_minor"), row.Text("currency")};
  return product;
}

absl::StatusOr<PricedItems> Price(PostgresSession& session, const std::vector<WantedItem>& wanted) {
  std::vector<std::int64_t> ids;
  ids.reserve(wanted.size());
  for (const WantedItem& item : wanted) ids.push_back(item.product_id.value());
  const absl::StatusOr<std::vector<Product>> catalog =
      session.Query(kGetPrices, {ids}, ToPricedProduct);
  if (!catalog.ok()) return catalog.status();
  return PriceItems(wanted, *catalog);
}

// Writes the order and its lines, without their events.
absl::StatusOr<Order> Insert(PostgresSession& session, UserId user_id, PricedItems priced) {
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
  absl::StatusOr<std::vector<Order>> inserted = session.Query(
      kCreateOrder,
      {user_id.value(), std::string(OrderStateName(OrderState::kPending)),
       priced.total.amount_minor, priced.total.currency, product_ids, quantities, prices, names},
      ToOrder);
  if (!inserted.ok()) return inserted.status();
  Order order = std::move(inserted->front());
  order.items = std::move(priced.items);
  return order;
}

absl::StatusOr<Order> Read(PostgresSession& session, OrderId id) {
  std::vector<Order> orders;
  const absl::Status read =
      session.ForEachRow(kGetOrder, {id.value(), std::nullopt}, AddLinesTo(orders));
  if (!read.ok()) return read;
  if (orders.empty()) return NoSuchOrder(id);
  return std::move(orders.front());
}

class PostgresOrderRepository final : public OrderRepository {
 public:
  PostgresOrderRepository(PostgresPool& pool, Outbox& outbox) : pool_(pool), outbox_(outbox) {}

  absl::StatusOr<Order> Create(PostgresSession& session, const NewOrder& order) override {
    absl::StatusOr<PricedItems> priced = Price(session, order.items);
    if (!priced.ok()) return priced.status();
    absl::StatusOr<Order> created = Insert(session, order.user_id, *std::move(priced));
    if (!created.ok()) return created;
    const absl::Status added = outbox_.Add(session, {OrderChanged(created->id, created->user_id)});
    if (!added.ok()) return added;
    return created;
  }

  absl::StatusOr<Order> Get(const CallContext& call, OrderId id, Owner owner) override {
    std::vector<Order> orders;
    const absl::Status read =
        pool_.ForEachRow(call, kGetOrder, {id.value(), owner.parameter()}, AddLinesTo(orders));
    if (!read.ok()) return read;
    if (orders.empty()) return NoSuchOrder(id);
    return std::move(orders.front());
  }

  absl::StatusOr<std::vector<std::optional<Order>>> FindMany(
      const CallContext& call, const std::vector<OwnedId<OrderId>>& keys) override {
    std::vector<std::optional<Order>> orders(keys.size());
    const absl::Status read = pool_.ForEachRow(
        call, kFindOrders, {IdsOf(keys), OwnersOf(keys)}, [&orders](const PostgresRow& row) {
          std::optional<Order>& order =
              orders.at(static_cast<std::size_t>(row.Int64("position")) - 1);
          if (!order) order = ToOrder(row);
          AddItem(row, *order);
        });
    if (!read.ok()) return read;
    return orders;
  }

  absl::StatusOr<std::vector<Order>> List(const CallContext& call, std::optional<UserId> user_id,
                                          std::optional<OrderId> before, int limit) override {
    const std::int64_t below = before ? before->value() : kMaxId + 1;
    std::vector<Order> orders;
    const auto add_line = AddLinesTo(orders);
    const absl::Status read =
        user_id
            ? pool_.ForEachRow(call, kListOrdersOfUser, {below, limit, user_id->value()}, add_line)
            : pool_.ForEachRow(call, kListOrders, {below, limit}, add_line);
    if (!read.ok()) return read;
    return orders;
  }

  absl::StatusOr<OrdersOfUsers> ListOfUsers(const CallContext& call,
                                            const std::vector<UserId>& user_ids, int limit,
                                            int max_lines) override {
    // One line more than the limit tells that there are more. Rows that are not sorted, or of which
    // any may be missing, are of no use.
    absl::StatusOr<LinesOfUsers> lines =
        LoadLines(call, kListOrdersOfUsers, user_ids, limit, max_lines + 1);
    if (lines.ok() && (!lines->sorted || lines->count > max_lines)) {
      lines = LoadLines(call, kSortOrdersOfUsers, user_ids, limit, max_lines + 1);
    }
    if (!lines.ok()) return lines.status();
    OrdersOfUsers loaded{std::move(lines->orders), user_ids.size()};
    if (lines->count > max_lines) {
      const UserId cut = loaded.orders.back().user_id;
      std::erase_if(loaded.orders, [cut](const Order& order) { return order.user_id == cut; });
      loaded.complete_users =
          static_cast<std::size_t>(std::ranges::find(user_ids, cut) - user_ids.begin());
    }
    return loaded;
  }

  absl::StatusOr<Order> CallOff(const CallContext& call, OrderId id, Owner owner) override {
    Order result;
    const absl::Status status = outbox_.Transact(call, [&](PostgresSession& session) {
      const absl::StatusOr<std::optional<LockedOrder>> locked = LockOrder(session, id, owner);
      if (!locked.ok()) return locked.status();
      if (!*locked) return NoSuchOrder(id);
      const OrderState state = (*locked)->state;
      const std::optional<OrderState> next = NextState(state, OrderEvent::kCalledOff);
      if (state == OrderState::kReserved) return PaymentInProgress(id);
      if (!next) {
        return absl::FailedPreconditionError(
            StrCat("order ", id.value(), " is ", OrderStateName(state)));
      }
      const absl::Status moved = MoveOrder(session, outbox_, **locked, *next);
      if (!moved.ok()) return moved;
      absl::StatusOr<Order> order = Read(session, id);
      if (!order.ok()) return order.status();
      result = *std::move(order);
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return result;
  }

 private:
  struct LinesOfUsers {
    std::vector<Order> orders;
    int count = 0;
    bool sorted = true;
  };

  absl::StatusOr<LinesOfUsers> LoadLines(const CallContext& call,
                                         const PostgresStatement& statement,
                                         const std::vector<UserId>& user_ids, int limit,
                                         int max_lines) {
    LinesOfUsers lines;
    const auto add_line = AddLinesTo(lines.orders);
    LineOrder order(user_ids);
    const absl::Status read = pool_.ForEachRow(
        call, statement, {ToValues(user_ids), limit, max_lines}, [&](const PostgresRow& row) {
          add_line(row);
          const Order& last = lines.orders.back();
          order.Check(last.user_id, last.id, row.Int32("line"));
          ++lines.count;
        });
    if (!read.ok()) return read;
    lines.sorted = order.holds();
    return lines;
  }

  PostgresPool& pool_;
  Outbox& outbox_;
};

}  // namespace

absl::Status NoSuchOrder(OrderId id) {
  return absl::NotFoundError(StrCat("there is no order ", id.value()));
}

std::unique_ptr<OrderRepository> MakeOrderRepository(PostgresPool& pool, Outbox& outbox) {
  return std::make_unique<PostgresOrderRepository>(pool, outbox);
}

}  // namespace scaleout::order
