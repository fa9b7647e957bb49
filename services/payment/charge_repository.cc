#include "services/payment/charge_repository.h"

#include <utility>
#include <vector>

#include "common/checksum.h"
#include "common/status.h"
#include "postgres/postgres_pool.h"
#include "service/events/outbox.h"
#include "service/idempotency/idempotent_writes.h"
#include "services/payment/payment_events.h"
#include "services/payment/payment_message.h"
#include "services/payment/payment_row.h"

namespace scaleout::payment {
namespace {

// Waits for a concurrent transaction with the reservation. Inserts nothing if that was committed.
constexpr PostgresStatement kBeginCharge = {
    "begin_charge",
    "INSERT INTO charges (reservation_id, fingerprint, lease_until, settle_at)"
    " VALUES ($1::uuid, $2, clock_timestamp() + $3::bigint * interval '1 millisecond',"
    " clock_timestamp() + $4::bigint * interval '1 millisecond')"
    " ON CONFLICT (reservation_id) DO NOTHING"};

constexpr PostgresStatement kCreatePayment = {
    "create_payment",
    "INSERT INTO payments AS p (reservation_id, order_id, user_id, state, amount_minor, currency)"
    " SELECT $1::uuid, $2::bigint, $3::bigint, $4, $5::bigint, $6"
    " WHERE NOT EXISTS (SELECT FROM payments WHERE order_id = $2 AND reservation_id IS NULL"
    "  AND state = 'CAPTURED')"
    " RETURNING " PAYMENT_COLUMNS};

constexpr PostgresStatement kTakeOver = {
    "take_charge_over",
    "UPDATE charges SET lease_until = clock_timestamp() + $3::bigint * interval '1 millisecond'"
    " WHERE reservation_id = $1::uuid AND fingerprint = $2 AND decided_at IS NULL"
    " AND lease_until <= clock_timestamp() AND settle_at > clock_timestamp()"};

constexpr PostgresStatement kFindCharge = {
    "find_charge",
    "SELECT coalesce(fingerprint, '') AS fingerprint, coalesce(answer, '') AS answer,"
    " decided_at IS NOT NULL AS decided,"
    " greatest(0, extract(epoch FROM lease_until - clock_timestamp()) * 1000)::bigint AS wait_ms"
    " FROM charges WHERE reservation_id = $1::uuid"};

constexpr PostgresStatement kRelease = {"release_charge",
                                        "UPDATE charges SET lease_until = clock_timestamp()"
                                        " WHERE reservation_id = $1::uuid AND decided_at IS NULL"};

constexpr PostgresStatement kDecideCharge = {
    "decide_charge",
    "WITH decided AS (UPDATE charges SET decided_at = clock_timestamp()"
    "  WHERE reservation_id = $1::uuid AND decided_at IS NULL RETURNING reservation_id)"
    " UPDATE payments AS p SET state = $2, provider_reference = $3, failure_reason = $4,"
    "  updated_at = now()"
    " FROM decided WHERE p.reservation_id = decided.reservation_id AND p.state = 'AUTHORIZED'"
    " RETURNING " PAYMENT_COLUMNS};

constexpr PostgresStatement kStoreAnswer = {
    "store_answer", "UPDATE charges SET answer = $2 WHERE reservation_id = $1::uuid"};

// The longer it has been open, the later it is asked about again: a provider may be long about
// many.
constexpr PostgresStatement kTakeDue = {
    "take_due_charge",
    "UPDATE charges SET settle_at = clock_timestamp()"
    "  + greatest($1::bigint * interval '1 millisecond',"
    "             least((clock_timestamp() - created_at) / 2, interval '1 minute'))"
    " WHERE reservation_id = ANY(ARRAY(SELECT reservation_id FROM charges"
    "  WHERE decided_at IS NULL AND fingerprint IS NOT NULL AND settle_at <= now()"
    "  AND lease_until <= now() ORDER BY settle_at LIMIT 1 FOR UPDATE SKIP LOCKED))"
    " RETURNING reservation_id"};

// A row without a fingerprint has later calls for the reservation refused.
constexpr PostgresStatement kRefuseCharge = {
    "refuse_charge",
    "INSERT INTO charges (reservation_id) VALUES ($1::uuid) ON CONFLICT (reservation_id) DO "
    "NOTHING"};

constexpr PostgresStatement kReadOutcome = {
    "read_charge_outcome",
    "SELECT coalesce(p.state, 'FAILED') AS state, coalesce(p.amount_minor, 0) AS amount_minor,"
    " coalesce(p.currency, '') AS currency"
    " FROM charges AS c LEFT JOIN payments AS p ON p.reservation_id = c.reservation_id"
    " WHERE c.reservation_id = $1::uuid"};

constexpr PostgresStatement kPurge = {
    "purge_answers",
    "UPDATE charges SET answer = NULL WHERE reservation_id = ANY(ARRAY("
    " SELECT reservation_id FROM charges WHERE answer IS NOT NULL"
    "  AND decided_at < now() - $1::bigint * interval '1 second'"
    "  ORDER BY decided_at LIMIT $2 FOR UPDATE SKIP LOCKED))"};

struct EarlierCharge {
  std::string fingerprint;  // empty: refused
  std::string answer;
  bool decided = false;
  std::int64_t wait_ms = 0;
};

EarlierCharge ToEarlier(const PostgresRow& row) {
  return {row.Text("fingerprint"), row.Text("answer"), row.Bool("decided"), row.Int64("wait_ms")};
}

std::string ToReservationId(const PostgresRow& row) { return row.Text("reservation_id"); }

Settlement ToSettlement(const PostgresRow& row) {
  switch (row.Parsed("state", FindPaymentState)) {
    case PaymentState::kAuthorized:
      return {};
    case PaymentState::kCaptured:
    case PaymentState::kRefunded:
      return {Settlement::Outcome::kCaptured, {row.Int64("amount_minor"), row.Text("currency")}};
    case PaymentState::kVoided:
    case PaymentState::kFailed:
      return {Settlement::Outcome::kFailed, {}};
  }
  return {};
}

std::string Fingerprint(const NewPayment& payment) {
  return ChecksumText({std::to_string(payment.order_id.value()),
                       std::to_string(payment.amount.amount_minor), payment.amount.currency,
                       payment.payment_method_token});
}

PaymentState StateAfter(const ChargeAnswer& answer) {
  const PaymentEvent event = answer.approved ? PaymentEvent::kCaptured : PaymentEvent::kDeclined;
  return NextState(PaymentState::kAuthorized, event).value();
}

std::optional<std::string> FailureReason(const ChargeAnswer& answer) {
  if (answer.approved) return std::nullopt;
  // It had not answered until the sweeper gave the charge up.
  return answer.decline_reason == kVoidedCharge ? "provider_timeout" : answer.decline_reason;
}

// The answer of a charge that a call cannot begin, or why there is none.
absl::StatusOr<std::optional<std::string>> AnswerOf(EarlierCharge earlier,
                                                    const std::string& fingerprint) {
  const absl::Status ended =
      WithReason(absl::FailedPreconditionError("the reservation has ended"), "RESERVATION_ENDED");
  if (earlier.fingerprint.empty()) return ended;
  if (earlier.fingerprint != fingerprint) {
    return WithReason(
        absl::FailedPreconditionError("the idempotency key was used for another payment"),
        "IDEMPOTENCY_KEY_REUSED");
  }
  if (!earlier.decided) {
    return WithReason(absl::AbortedError("a call with the same idempotency key is in progress"),
                      "IDEMPOTENCY_KEY_IN_PROGRESS",
                      {{"retryAfterMs", std::to_string(earlier.wait_ms)}});
  }
  if (earlier.answer.empty()) return ended;
  return std::optional(std::move(earlier.answer));
}

class PostgresChargeRepository final : public ChargeRepository {
 public:
  PostgresChargeRepository(PostgresPool& pool, Outbox& outbox, const ChargeTimes& times)
      : pool_(pool), outbox_(outbox), times_(times) {}

  absl::StatusOr<std::optional<std::string>> Begin(const CallContext& call,
                                                   const NewPayment& payment) override {
    const std::string fingerprint = Fingerprint(payment);
    std::optional<std::string> stored;
    const absl::Status status =
        outbox_.Transact(call, [&](PostgresSession& session) -> absl::Status {
          const absl::StatusOr<std::int64_t> begun =
              session.Execute(kBeginCharge, {payment.reservation_id, fingerprint,
                                             std::int64_t{times_.lease.count()},
                                             std::int64_t{times_.settle_after.count()}});
          if (!begun.ok()) return begun.status();
          if (*begun == 1) return CreatePayment(session, payment);
          absl::StatusOr<std::optional<std::string>> answer =
              GoOn(session, payment.reservation_id, fingerprint);
          if (answer.ok()) stored = *std::move(answer);
          return answer.status();
        });
    if (!status.ok()) return status;
    return stored;
  }

  absl::Status Release(const CallContext& call, const std::string& reservation_id) override {
    return pool_.Execute(call, kRelease, {reservation_id}).status();
  }

  absl::StatusOr<StoredAnswer> Decide(const CallContext& call, const std::string& reservation_id,
                                      const ChargeAnswer& answer) override {
    StoredAnswer result;
    const absl::Status status = outbox_.Transact(call, [&](PostgresSession& session) {
      return Decide(session, reservation_id, answer, result);
    });
    if (!status.ok()) return status;
    return result;
  }

  absl::StatusOr<std::optional<std::string>> TakeDue(const CallContext& call) override {
    return pool_.FindRow(call, kTakeDue, {std::int64_t{times_.ask_again_after.count()}},
                         ToReservationId);
  }

  absl::StatusOr<Settlement> Settle(const CallContext& call,
                                    const std::string& reservation_id) override {
    const absl::StatusOr<std::int64_t> refused =
        pool_.Execute(call, kRefuseCharge, {reservation_id});
    if (!refused.ok()) return refused.status();
    absl::StatusOr<std::optional<Settlement>> settlement =
        pool_.FindRow(call, kReadOutcome, {reservation_id}, ToSettlement);
    if (!settlement.ok()) return settlement.status();
    if (!*settlement) return absl::InternalError("a charge that was there is gone");
    return **std::move(settlement);
  }

  absl::StatusOr<std::int64_t> Purge(const CallContext& call, std::int32_t most) override {
    const std::chrono::seconds life = kIdempotencyKeyLife;
    return pool_.Execute(call, kPurge, {std::int64_t{life.count()}, most});
  }

 private:
  absl::Status CreatePayment(PostgresSession& session, const NewPayment& payment) {
    const absl::StatusOr<std::vector<Payment>> created =
        session.Query(kCreatePayment,
                      {payment.reservation_id, payment.order_id.value(), payment.user_id.value(),
                       std::string(PaymentStateName(PaymentState::kAuthorized)),
                       payment.amount.amount_minor, payment.amount.currency},
                      ToPayment);
    // One of the release before reservations may not be known to the order service yet.
    if (absl::IsAlreadyExists(created.status()) || (created.ok() && created->empty())) {
      return WithReason(absl::AbortedError("the order has another payment"), "PAYMENT_IN_PROGRESS");
    }
    if (!created.ok()) return created.status();
    return outbox_.Add(session, EventsOf(created->front()));
  }

  // Nothing if the call may go on with a charge that was begun before.
  absl::StatusOr<std::optional<std::string>> GoOn(PostgresSession& session,
                                                  const std::string& reservation_id,
                                                  const std::string& fingerprint) const {
    const absl::StatusOr<std::int64_t> taken = session.Execute(
        kTakeOver, {reservation_id, fingerprint, std::int64_t{times_.lease.count()}});
    if (!taken.ok()) return taken.status();
    if (*taken == 1) return std::nullopt;
    absl::StatusOr<std::optional<EarlierCharge>> earlier =
        session.FindRow(kFindCharge, {reservation_id}, ToEarlier);
    if (!earlier.ok()) return earlier.status();
    if (!*earlier) return absl::InternalError("a charge that was there is gone");
    return AnswerOf(**std::move(earlier), fingerprint);
  }

  absl::Status Decide(PostgresSession& session, const std::string& reservation_id,
                      const ChargeAnswer& answer, StoredAnswer& result) {
    std::optional<std::string> provider_reference;
    if (answer.approved) provider_reference = answer.provider_reference;
    const absl::StatusOr<std::optional<Payment>> payment =
        session.FindRow(kDecideCharge,
                        {reservation_id, std::string(PaymentStateName(StateAfter(answer))),
                         provider_reference, FailureReason(answer)},
                        ToPayment);
    if (!payment.ok()) return payment.status();
    if (!*payment) return ReadAnswer(session, reservation_id, result);
    result = {ToAnswer(**payment), false};
    const absl::Status stored =
        session.Execute(kStoreAnswer, {reservation_id, result.json}).status();
    if (!stored.ok()) return stored;
    return outbox_.Add(session, EventsOf(**payment));
  }

  static absl::Status ReadAnswer(PostgresSession& session, const std::string& reservation_id,
                                 StoredAnswer& result) {
    absl::StatusOr<std::optional<EarlierCharge>> earlier =
        session.FindRow(kFindCharge, {reservation_id}, ToEarlier);
    if (!earlier.ok()) return earlier.status();
    if (!*earlier || (*earlier)->answer.empty()) {
      return absl::NotFoundError("there is no charge for the reservation");
    }
    result = {std::move((*earlier)->answer), true};
    return absl::OkStatus();
  }

  PostgresPool& pool_;
  Outbox& outbox_;
  const ChargeTimes times_;
};

}  // namespace

std::unique_ptr<ChargeRepository> MakeChargeRepository(PostgresPool& pool, Outbox& outbox,
                                                       const ChargeTimes& times) {
  return std::make_unique<PostgresChargeRepository>(pool, outbox, times);
}

}  // namespace scaleout::payment
