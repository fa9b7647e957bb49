#include "services/payment/payment_repository.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "common/checksum.h"
#include "common/status.h"
#include "common/str_cat.h"
#include "postgres/postgres_pool.h"
#include "service/events/outbox.h"
#include "services/payment/payment_events.h"

namespace scaleout::payment {
namespace {

#define PAYMENT_COLUMNS                                                  \
  "p.id, p.order_id, p.user_id, p.state, p.amount_minor, p.currency, "   \
  "coalesce(p.provider_reference, '') AS provider_reference, "           \
  "coalesce(p.failure_reason, '') AS failure_reason, "                   \
  "(date_part('epoch', p.created_at) * 1000000)::bigint AS created_us, " \
  "(date_part('epoch', p.updated_at) * 1000000)::bigint AS updated_us"
#define SELECT_PAYMENTS "SELECT " PAYMENT_COLUMNS " FROM payments AS p "
#define NEWEST_FIRST " ORDER BY p.id DESC LIMIT $2"

// Inserts an attempt for a new key. An attempt that is not finished and whose lease is over is
// taken over with its charge_reference.
constexpr PostgresStatement kBeginAttempt = {
    "begin_attempt",
    "INSERT INTO payment_attempts AS a (user_id, idempotency_key, fingerprint, lease_token, "
    "lease_until)"
    " VALUES ($1, $2, $3, gen_random_uuid(), clock_timestamp() + $4::bigint * interval '1 "
    "millisecond')"
    " ON CONFLICT (user_id, idempotency_key) DO UPDATE"
    "   SET lease_token = excluded.lease_token, lease_until = excluded.lease_until"
    "   WHERE a.payment_id IS NULL AND a.lease_until <= clock_timestamp()"
    "     AND a.fingerprint = excluded.fingerprint"
    " RETURNING charge_reference, lease_token"};

constexpr PostgresStatement kFindAttempt = {
    "find_attempt",
    "SELECT a.fingerprint,"
    " greatest(0, extract(epoch FROM a.lease_until - clock_timestamp()) * 1000)::bigint AS "
    "wait_ms, " PAYMENT_COLUMNS
    " FROM payment_attempts AS a LEFT JOIN payments AS p ON p.id = a.payment_id"
    " WHERE a.user_id = $1 AND a.idempotency_key = $2"};

constexpr PostgresStatement kCreatePayment = {
    "create_payment",
    "INSERT INTO payments AS p"
    " (order_id, user_id, state, amount_minor, currency, provider_reference, failure_reason)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING " PAYMENT_COLUMNS};

constexpr PostgresStatement kFinishAttempt = {
    "finish_attempt",
    "UPDATE payment_attempts SET payment_id = $4"
    " WHERE user_id = $1 AND idempotency_key = $2 AND lease_token = $3 AND payment_id IS NULL"};

constexpr PostgresStatement kReleaseAttempt = {
    "release_attempt",
    "UPDATE payment_attempts SET lease_until = clock_timestamp()"
    " WHERE user_id = $1 AND idempotency_key = $2 AND lease_token = $3 AND payment_id IS NULL"};

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

#undef PAYMENT_COLUMNS
#undef SELECT_PAYMENTS
#undef NEWEST_FIRST

Payment ToPayment(const PostgresRow& row) {
  Payment payment;
  payment.id = PaymentId(row.Int64("id"));
  payment.order_id = OrderId(row.Int64("order_id"));
  payment.user_id = UserId(row.Int64("user_id"));
  payment.state = row.Parsed("state", FindPaymentState);
  payment.amount = {row.Int64("amount_minor"), row.Text("currency")};
  payment.provider_reference = row.Text("provider_reference");
  payment.failure_reason = row.Text("failure_reason");
  payment.created_at = row.Time("created_us");
  payment.updated_at = row.Time("updated_us");
  return payment;
}

// The row of an attempt whose lease this call holds.
struct Lease {
  std::string charge_reference;
  std::string token;
};

Lease ToLease(const PostgresRow& row) {
  return {row.Text("charge_reference"), row.Text("lease_token")};
}

// The attempt of an earlier call with the same key.
struct EarlierAttempt {
  std::string fingerprint;
  std::string wait_ms;
  std::optional<Payment> payment;  // nothing while the attempt is not finished
};

EarlierAttempt ToEarlierAttempt(const PostgresRow& row) {
  EarlierAttempt attempt{row.Text("fingerprint"), row.Text("wait_ms"), std::nullopt};
  if (!row.IsNull("id")) attempt.payment = ToPayment(row);
  return attempt;
}

std::string Fingerprint(const NewPayment& payment) {
  return ChecksumText({std::to_string(payment.order_id.value()),
                       std::to_string(payment.amount.amount_minor), payment.amount.currency,
                       payment.payment_method_token});
}

std::optional<std::string> NullIfEmpty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

class PostgresPaymentRepository final : public PaymentRepository {
 public:
  PostgresPaymentRepository(PostgresPool& pool, Outbox& outbox) : pool_(pool), outbox_(outbox) {}

  absl::StatusOr<Claim> Begin(const CallContext& call, const NewPayment& payment,
                              std::chrono::milliseconds lease) override {
    const std::int64_t user_id = payment.user_id.value();
    const std::string fingerprint = Fingerprint(payment);
    absl::StatusOr<std::optional<Lease>> begun = pool_.FindRow(
        call, kBeginAttempt,
        {user_id, payment.idempotency_key, fingerprint, std::int64_t{lease.count()}}, ToLease);
    if (!begun.ok()) return begun.status();
    if (*begun) {
      return Claim(Attempt{payment.user_id, payment.idempotency_key,
                           std::move((*begun)->charge_reference), std::move((*begun)->token)});
    }
    absl::StatusOr<std::optional<EarlierAttempt>> found =
        pool_.FindRow(call, kFindAttempt, {user_id, payment.idempotency_key}, ToEarlierAttempt);
    if (!found.ok()) return found.status();
    if (!*found) return absl::AbortedError("the attempt with this key was deleted");
    EarlierAttempt& earlier = **found;
    if (earlier.fingerprint != fingerprint) {
      return WithReason(
          absl::FailedPreconditionError("the idempotency key was used for another payment"),
          "IDEMPOTENCY_KEY_REUSED");
    }
    if (earlier.payment) return Claim(*std::move(earlier.payment));
    return WithReason(absl::AbortedError("a call with the same idempotency key is in progress"),
                      "IDEMPOTENCY_KEY_IN_PROGRESS", {{"retryAfterMs", earlier.wait_ms}});
  }

  absl::StatusOr<Payment> Finish(const CallContext& call, const Attempt& attempt,
                                 const NewPayment& payment, const Outcome& outcome) override {
    Payment result;
    const absl::Status status =
        outbox_.Transact(call, [&](PostgresSession& session) -> absl::Status {
          absl::StatusOr<std::vector<Payment>> created = session.Query(
              kCreatePayment,
              {payment.order_id.value(), payment.user_id.value(),
               std::string(PaymentStateName(outcome.state)), payment.amount.amount_minor,
               payment.amount.currency, NullIfEmpty(outcome.provider_reference),
               NullIfEmpty(outcome.failure_reason)},
              ToPayment);
          // The call that took the lease over has recorded this charge already.
          if (absl::IsAlreadyExists(created.status())) return LeaseLost();
          if (!created.ok()) return created.status();
          result = std::move(created->front());
          const absl::StatusOr<std::int64_t> finished =
              session.Execute(kFinishAttempt, {attempt.user_id.value(), attempt.idempotency_key,
                                               attempt.lease_token, result.id.value()});
          if (!finished.ok()) return finished.status();
          if (*finished != 1) return LeaseLost();
          return outbox_.Add(session, EventsOf(result));
        });
    if (!status.ok()) return status;
    return result;
  }

  absl::Status Release(const CallContext& call, const Attempt& attempt) override {
    return pool_
        .Execute(call, kReleaseAttempt,
                 {attempt.user_id.value(), attempt.idempotency_key, attempt.lease_token})
        .status();
  }

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
  static absl::Status LeaseLost() {
    return WithReason(absl::AbortedError("another call with the same key took over"),
                      "IDEMPOTENCY_KEY_IN_PROGRESS");
  }

  PostgresPool& pool_;
  Outbox& outbox_;
};

}  // namespace

absl::Status NoSuchPayment(PaymentId id) {
  return absl::NotFoundError(StrCat("there is no payment ", id.value()));
}

std::unique_ptr<PaymentRepository> MakePaymentRepository(PostgresPool& pool, Outbox& outbox) {
  return std::make_unique<PostgresPaymentRepository>(pool, outbox);
}

}  // namespace scaleout::payment
