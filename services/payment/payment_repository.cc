#include "services/payment/payment_repository.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "common/str_cat.h"
#include "postgres/postgres_pool.h"
#include "services/payment/payment_row.h"

namespace scaleout::payment {
namespace {

#define SELECT_PAYMENTS "SELECT " PAYMENT_COLUMNS " FROM payments AS p "
#define NEWEST_FIRST " ORDER BY p.id DESC LIMIT $2"

constexpr PostgresStatement kGetPayment = {
    "get_payment", SELECT_PAYMENTS "WHERE p.id = $1 AND ($2::bigint IS NULL OR p.user_id = $2)"};

// The LIMIT has each key's payment looked for by its id, whatever the plan expects of the keys.
constexpr PostgresStatement kFindPayments = {
    "find_payments", "SELECT k.position, " PAYMENT_COLUMNS
                     " FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY"
                     " AS k (payment_id, owner, position) CROSS JOIN LATERAL"
                     " (SELECT * FROM payments WHERE id = k.payment_id"
                     " AND (k.owner IS NULL OR user_id = k.owner) LIMIT 1) AS p"};

// One statement for each filter: a generic plan of one that fits all would read the whole table.
constexpr PostgresStatement kListPayments = {"list_payments",
                                             SELECT_PAYMENTS "WHERE p.id < $1" NEWEST_FIRST};
constexpr PostgresStatement kListPaymentsOfUser = {
    "list_payments_of_user", SELECT_PAYMENTS "WHERE p.id < $1 AND p.user_id = $3" NEWEST_FIRST};
constexpr PostgresStatement kListPaymentsOfOrder = {
    "list_payments_of_order", SELECT_PAYMENTS "WHERE p.id < $1 AND p.order_id = $3" NEWEST_FIRST};
constexpr PostgresStatement kListPaymentsOfUserAndOrder = {
    "list_payments_of_user_and_order",
    SELECT_PAYMENTS "WHERE p.id < $1 AND p.user_id = $3 AND p.order_id = $4" NEWEST_FIRST};

constexpr PostgresStatement kListPaymentsOfUsers = {
    "list_payments_of_users",
    "SELECT " PAYMENT_COLUMNS
    " FROM unnest($1::bigint[]) WITH ORDINALITY AS k (user_id, position)"
    " CROSS JOIN LATERAL"
    "  (SELECT * FROM payments WHERE user_id = k.user_id ORDER BY id DESC LIMIT $2) AS p"
    " ORDER BY k.position, p.id DESC"};

#undef SELECT_PAYMENTS
#undef NEWEST_FIRST

class PostgresPaymentRepository final : public PaymentRepository {
 public:
  explicit PostgresPaymentRepository(PostgresPool& pool) : pool_(pool) {}

  absl::StatusOr<Payment> Get(const CallContext& call, PaymentId id, Owner owner) override {
    absl::StatusOr<std::optional<Payment>> payment =
        pool_.FindRow(call, kGetPayment, {id.value(), owner.parameter()}, ToPayment);
    if (!payment.ok()) return payment.status();
    if (!*payment) return NoSuchPayment(id);
    return **std::move(payment);
  }

  absl::StatusOr<std::vector<std::optional<Payment>>> FindMany(
      const CallContext& call, const std::vector<OwnedId<PaymentId>>& keys) override {
    std::vector<std::optional<Payment>> payments(keys.size());
    const absl::Status read = pool_.ForEachRow(
        call, kFindPayments, {IdsOf(keys), OwnersOf(keys)}, [&payments](const PostgresRow& row) {
          payments.at(static_cast<std::size_t>(row.Int64("position")) - 1) = ToPayment(row);
        });
    if (!read.ok()) return read;
    return payments;
  }

  absl::StatusOr<std::vector<Payment>> List(const CallContext& call, const PaymentFilter& filter,
                                            std::optional<PaymentId> before, int limit) override {
    const std::int64_t below = before ? before->value() : kMaxId + 1;
    if (filter.user_id && filter.order_id) {
      return pool_.Query(call, kListPaymentsOfUserAndOrder,
                         {below, limit, filter.user_id->value(), filter.order_id->value()},
                         ToPayment);
    }
    if (filter.user_id) {
      return pool_.Query(call, kListPaymentsOfUser, {below, limit, filter.user_id->value()},
                         ToPayment);
    }
    if (filter.order_id) {
      return pool_.Query(call, kListPaymentsOfOrder, {below, limit, filter.order_id->value()},
                         ToPayment);
    }
    return pool_.Query(call, kListPayments, {below, limit}, ToPayment);
  }

  absl::StatusOr<std::vector<Payment>> ListOfUsers(const CallContext& call,
                                                   const std::vector<UserId>& user_ids,
                                                   int limit) override {
    return pool_.Query(call, kListPaymentsOfUsers, {ToValues(user_ids), limit}, ToPayment);
  }

 private:
  PostgresPool& pool_;
};

}  // namespace

absl::Status NoSuchPayment(PaymentId id) {
  return absl::NotFoundError(StrCat("there is no payment ", id.value()));
}

std::unique_ptr<PaymentRepository> MakePaymentRepository(PostgresPool& pool) {
  return std::make_unique<PostgresPaymentRepository>(pool);
}

}  // namespace scaleout::payment
