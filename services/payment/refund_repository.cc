#include "services/payment/refund_repository.h"

#include <utility>

#include "common/str_cat.h"
#include "postgres/postgres_pool.h"
#include "service/events/outbox.h"
#include "services/payment/payment_events.h"
#include "services/payment/payment_row.h"

namespace scaleout::payment {
namespace {

constexpr PostgresStatement kRequestRefund = {
    "request_refund",
    "INSERT INTO refunds (payment_id) SELECT id FROM payments"
    " WHERE reservation_id = $1::uuid AND order_id = $2 AND state = 'CAPTURED'"
    " ON CONFLICT (payment_id) DO NOTHING"};

// Releases before reservations may have let an order be paid more than once; all of it goes back.
constexpr PostgresStatement kRequestUnreservedRefund = {
    "request_unreserved_refund",
    "INSERT INTO refunds (payment_id) SELECT id FROM payments"
    " WHERE order_id = $1 AND reservation_id IS NULL AND state = 'CAPTURED'"
    " ON CONFLICT (payment_id) DO NOTHING"};

constexpr PostgresStatement kFindRefund = {
    "find_refund",
    "SELECT r.id FROM payments AS p JOIN refunds AS r ON r.payment_id = p.id"
    " WHERE p.order_id = $1 AND coalesce(p.reservation_id::text, '') = $2 LIMIT 1"};

constexpr PostgresStatement kTakeDue = {
    "take_due_refund",
    "WITH taken AS (UPDATE refunds"
    "  SET next_at = clock_timestamp() + $1::bigint * interval '1 millisecond'"
    "  WHERE id = ANY(ARRAY(SELECT id FROM refunds WHERE state = 'PENDING' AND next_at <= now()"
    "   ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED))"
    "  RETURNING id, payment_id)"
    " SELECT t.id, t.payment_id, p.provider_reference, p.amount_minor, p.currency"
    " FROM taken AS t JOIN payments AS p ON p.id = t.payment_id"};

constexpr PostgresStatement kEndRefund = {
    "end_refund",
    "UPDATE refunds SET state = $2, refusal = $3, ended_at = clock_timestamp()"
    " WHERE id = $1::uuid AND state = 'PENDING'"};

constexpr PostgresStatement kRefundPayment = {
    "refund_payment",
    "UPDATE payments AS p SET state = $2, updated_at = now() WHERE id = $1 AND state = $3"
    " RETURNING " PAYMENT_COLUMNS};

constexpr PostgresStatement kCountRefused = {
    "count_refused_refunds", "SELECT count(*) AS refused FROM refunds WHERE state = 'REFUSED'"};

Refund ToRefund(const PostgresRow& row) {
  return {row.Text("id"),
          PaymentId(row.Int64("payment_id")),
          row.Text("provider_reference"),
          {row.Int64("amount_minor"), row.Text("currency")}};
}

class PostgresRefundRepository final : public RefundRepository {
 public:
  PostgresRefundRepository(PostgresPool& pool, Outbox& outbox) : pool_(pool), outbox_(outbox) {}

  absl::StatusOr<bool> Request(PostgresSession& session, OrderId order_id,
                               const std::string& reservation_id) override {
    const absl::StatusOr<std::int64_t> requested =
        reservation_id.empty()
            ? session.Execute(kRequestUnreservedRefund, {order_id.value()})
            : session.Execute(kRequestRefund, {reservation_id, order_id.value()});
    if (!requested.ok()) return requested.status();
    if (*requested > 0) return true;
    const absl::StatusOr<std::optional<std::string>> earlier =
        session.FindRow(kFindRefund, {order_id.value(), reservation_id},
                        [](const PostgresRow& row) { return row.Text("id"); });
    if (!earlier.ok()) return earlier.status();
    if (*earlier) return false;
    return absl::NotFoundError(
        StrCat("order ", order_id.value(), " has no captured payment to give back"));
  }

  absl::StatusOr<std::optional<Refund>> TakeDue(const CallContext& call,
                                                std::chrono::milliseconds again_after) override {
    return pool_.FindRow(call, kTakeDue, {std::int64_t{again_after.count()}}, ToRefund);
  }

  absl::Status Complete(const CallContext& call, const Refund& refund) override {
    const PaymentState refunded =
        NextState(PaymentState::kCaptured, PaymentEvent::kRefunded).value();
    return outbox_.Transact(call, [&](PostgresSession& session) -> absl::Status {
      const absl::StatusOr<std::int64_t> ended =
          session.Execute(kEndRefund, {refund.id, "DONE", std::nullopt});
      if (!ended.ok() || *ended == 0) return ended.status();
      const absl::StatusOr<std::optional<Payment>> payment =
          session.FindRow(kRefundPayment,
                          {refund.payment_id.value(), std::string(PaymentStateName(refunded)),
                           std::string(PaymentStateName(PaymentState::kCaptured))},
                          ToPayment);
      if (!payment.ok()) return payment.status();
      if (!*payment) return absl::InternalError("a refunded payment was not CAPTURED");
      return outbox_.Add(session, EventsOf(**payment));
    });
  }

  absl::Status Refuse(const CallContext& call, const Refund& refund,
                      const std::string& refusal) override {
    return pool_.Execute(call, kEndRefund, {refund.id, "REFUSED", refusal}).status();
  }

  absl::StatusOr<std::int64_t> CountRefused(const CallContext& call) override {
    const absl::StatusOr<std::optional<std::int64_t>> refused = pool_.FindRow(
        call, kCountRefused, {}, [](const PostgresRow& row) { return row.Int64("refused"); });
    if (!refused.ok()) return refused.status();
    return refused->value_or(0);
  }

 private:
  PostgresPool& pool_;
  Outbox& outbox_;
};

}  // namespace

std::unique_ptr<RefundRepository> MakeRefundRepository(PostgresPool& pool, Outbox& outbox) {
  return std::make_unique<PostgresRefundRepository>(pool, outbox);
}

}  // namespace scaleout::payment
