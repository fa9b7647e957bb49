#include "services/order/reservation_repository.h"

#include <optional>
#include <utility>

#include "common/checksum.h"
#include "common/status.h"
#include "common/str_cat.h"
#include "postgres/postgres_pool.h"
#include "service/events/outbox.h"
#include "service/idempotency/idempotent_writes.h"
#include "services/order/locked_order.h"
#include "services/order/order_repository.h"

namespace scaleout::order {
namespace {

constexpr PostgresStatement kFindByKey = {
    "find_reservation_by_key",
    "SELECT id, order_id, fingerprint, coalesce(payload_checksum, 0) AS payload_checksum"
    " FROM payment_reservations"
    " WHERE principal = $1 AND idempotency_key = $2"};

constexpr PostgresStatement kGetReservedOrder = {
    "get_reserved_order", "SELECT user_id, total_minor, currency FROM orders WHERE id = $1"};

constexpr PostgresStatement kInsertReservation = {
    "insert_reservation",
    "INSERT INTO payment_reservations"
    " (order_id, principal, idempotency_key, fingerprint, payload_checksum)"
    " VALUES ($1, $2, $3, $4, nullif($5::bigint, 0))"
    " ON CONFLICT (principal, idempotency_key) DO NOTHING RETURNING id"};

constexpr PostgresStatement kFindReservation = {
    "find_reservation",
    "SELECT outcome FROM payment_reservations WHERE id = $1::uuid AND order_id = $2"};

constexpr PostgresStatement kEndReservation = {
    "end_reservation",
    "UPDATE payment_reservations SET outcome = $2, ended_at = clock_timestamp()"
    " WHERE id = $1::uuid"};

// Rows that another replica is taking are left to it.
constexpr PostgresStatement kTakeOverdue = {
    "take_overdue_reservations",
    "UPDATE payment_reservations SET settle_at = now()"
    " WHERE id = ANY(ARRAY(SELECT id FROM payment_reservations WHERE outcome IS NULL"
    "  AND settle_at < now() - $1::bigint * interval '1 millisecond'"
    "  ORDER BY settle_at LIMIT $2 FOR UPDATE SKIP LOCKED))"
    " RETURNING id, order_id"};

// The rows stay: reports and refunds name them.
constexpr PostgresStatement kPurge = {
    "purge_reservation_keys",
    "UPDATE payment_reservations SET principal = NULL, idempotency_key = NULL, fingerprint = NULL,"
    " payload_checksum = NULL"
    " WHERE id = ANY(ARRAY(SELECT id FROM payment_reservations WHERE idempotency_key IS NOT NULL"
    "  AND ended_at < now() - $1::bigint * interval '1 second'"
    "  ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED))"};

// What an earlier call with the key has reserved.
struct EarlierReservation {
  std::string id;
  OrderId order_id;
  std::string fingerprint;
  std::uint64_t payload_checksum = 0;
};

EarlierReservation ToEarlier(const PostgresRow& row) {
  return {row.Text("id"), OrderId(row.Int64("order_id")), row.Text("fingerprint"),
          static_cast<std::uint64_t>(row.Int64("payload_checksum"))};
}

std::string Fingerprint(const WantedReservation& wanted) {
  const ExpectedOrder& expected = wanted.expected;
  return ChecksumText({std::to_string(wanted.order_id.value()),
                       expected.amount_minor ? std::to_string(*expected.amount_minor) : "",
                       expected.currency,
                       expected.user_id ? std::to_string(expected.user_id->value()) : ""});
}

// Gateways of the release before say no checksum; between one of theirs and one of ours it is not
// compared.
bool IsAnother(const EarlierReservation& earlier, const WantedReservation& wanted) {
  const bool both_say = earlier.payload_checksum != 0 && wanted.payload_checksum != 0;
  return earlier.fingerprint != Fingerprint(wanted) ||
         (both_say && earlier.payload_checksum != wanted.payload_checksum);
}

absl::Status CheckExpected(const ExpectedOrder& expected, const LockedOrder& order) {
  std::vector<FieldViolation> violations;
  if (expected.user_id && *expected.user_id != order.user_id) {
    violations.emplace_back("user_id", "must be the order's");
  }
  if (expected.amount_minor && *expected.amount_minor != order.total.amount_minor) {
    violations.emplace_back("amount_minor",
                            StrCat("must be the order's total, ", order.total.amount_minor));
  }
  if (!expected.currency.empty() && expected.currency != order.total.currency) {
    violations.emplace_back("currency_code", StrCat("must be the order's, ", order.total.currency));
  }
  return CheckFields(std::move(violations));
}

absl::Status CheckPayable(const LockedOrder& order) {
  const bool is_free = order.total.amount_minor == 0;
  if (NextState(order.state, OrderEvent::kReserved) && !is_free) return absl::OkStatus();
  if (order.state == OrderState::kReserved) return PaymentInProgress(order.id);
  const bool is_paid = order.state == OrderState::kPaid || order.state == OrderState::kFulfilled;
  return WithReason(absl::FailedPreconditionError(StrCat("order ", order.id.value(), " is ",
                                                         OrderStateName(order.state),
                                                         is_free ? " and costs nothing" : "")),
                    is_paid ? "ORDER_ALREADY_PAID" : "ORDER_NOT_PAYABLE");
}

class PostgresReservationRepository final : public ReservationRepository {
 public:
  PostgresReservationRepository(PostgresPool& pool, Outbox& outbox)
      : pool_(pool), outbox_(outbox) {}

  absl::StatusOr<Reservation> Reserve(const CallContext& call,
                                      const WantedReservation& wanted) override {
    std::optional<Reservation> result;
    const absl::Status status = outbox_.Transact(
        call, [&](PostgresSession& session) { return Reserve(session, wanted, result); });
    if (!status.ok()) return status;
    return *std::move(result);
  }

  absl::StatusOr<ChargeEffect> Settle(PostgresSession& session, const Charge& charge) override {
    const absl::StatusOr<std::optional<LockedOrder>> locked =
        LockOrder(session, charge.order_id, Owner::Anyone());
    if (!locked.ok()) return locked.status();
    if (!*locked) return JudgeWithoutOrder(charge);
    const absl::StatusOr<ChargedOrder> charged = FindCharged(session, **locked, charge);
    if (!charged.ok()) return charged.status();
    if (MustWait(charge, *charged)) return PaymentInProgress(charge.order_id);
    const ChargeVerdict verdict = Judge(charge, *charged);
    if (verdict.effect != ChargeEffect::kMoved) return verdict.effect;
    if (charged->reserved) {
      const absl::Status ended = End(session, charge);
      if (!ended.ok()) return ended;
    }
    const absl::Status moved = MoveOrder(session, outbox_, **locked, verdict.next);
    if (!moved.ok()) return moved;
    return verdict.effect;
  }

  absl::Status RequestRefund(const CallContext& call, OrderId order_id,
                             const std::string& reservation_id) override {
    return outbox_.Transact(call, [&](PostgresSession& session) -> absl::Status {
      const absl::StatusOr<std::optional<LockedOrder>> locked =
          LockOrder(session, order_id, Owner::Anyone());
      if (!locked.ok()) return locked.status();
      if (!*locked) return NoSuchOrder(order_id);
      const LockedOrder& order = **locked;
      // Paid, maybe, and its event is under way.
      if (order.state == OrderState::kReserved) return PaymentInProgress(order_id);
      const absl::StatusOr<bool> paid = WasPaidUnder(session, order, reservation_id);
      if (!paid.ok()) return paid.status();
      const std::optional<OrderState> next = NextState(order.state, OrderEvent::kCalledOff);
      if (!*paid || !next) {
        return WithReason(absl::FailedPreconditionError(StrCat("order ", order_id.value(), " is ",
                                                               OrderStateName(order.state))),
                          "ORDER_NOT_REFUNDABLE");
      }
      return MoveOrder(session, outbox_, order, *next);
    });
  }

  absl::StatusOr<bool> Refunded(PostgresSession& session, OrderId order_id,
                                const std::string& reservation_id) override {
    const absl::StatusOr<std::optional<LockedOrder>> locked =
        LockOrder(session, order_id, Owner::Anyone());
    if (!locked.ok()) return locked.status();
    if (!*locked) return false;
    const std::optional<OrderState> next = NextState((*locked)->state, OrderEvent::kRefunded);
    if (!next) return false;
    const absl::StatusOr<bool> paid = WasPaidUnder(session, **locked, reservation_id);
    if (!paid.ok() || !*paid) return paid;
    const absl::Status moved = MoveOrder(session, outbox_, **locked, *next);
    if (!moved.ok()) return moved;
    return true;
  }

  absl::StatusOr<std::vector<OverdueReservation>> TakeOverdue(const CallContext& call,
                                                              std::chrono::milliseconds age,
                                                              int limit) override {
    return pool_.Query(call, kTakeOverdue, {std::int64_t{age.count()}, limit},
                       [](const PostgresRow& row) {
                         return OverdueReservation{row.Text("id"), OrderId(row.Int64("order_id"))};
                       });
  }

  absl::StatusOr<std::int64_t> Purge(const CallContext& call, std::int32_t most) override {
    const std::chrono::seconds life = kIdempotencyKeyLife;
    return pool_.Execute(call, kPurge, {std::int64_t{life.count()}, most});
  }

 private:
  absl::Status Reserve(PostgresSession& session, const WantedReservation& wanted,
                       std::optional<Reservation>& result) {
    // Before anything else: a repeated call gets its reservation in any state of the order.
    const absl::Status repeated = FindByKey(session, wanted, result);
    if (!repeated.ok() || result) return repeated;
    const absl::StatusOr<std::optional<LockedOrder>> locked =
        LockOrder(session, wanted.order_id, wanted.owner);
    if (!locked.ok()) return locked.status();
    if (!*locked) return NoSuchOrder(wanted.order_id);
    const LockedOrder& order = **locked;
    absl::Status refusal = CheckExpected(wanted.expected, order);
    refusal.Update(CheckPayable(order));
    if (refusal.ok()) {
      const absl::StatusOr<std::optional<std::string>> id =
          session.FindRow(kInsertReservation,
                          {order.id.value(), wanted.principal, wanted.idempotency_key,
                           Fingerprint(wanted), static_cast<std::int64_t>(wanted.payload_checksum)},
                          [](const PostgresRow& row) { return row.Text("id"); });
      if (!id.ok()) return id.status();
      if (*id) {
        result = Reservation{**id, order.id, order.user_id, order.total};
        return MoveOrder(session, outbox_, order, OrderState::kReserved);
      }
      refusal = absl::AbortedError("the idempotency key has just expired");
    }
    // A concurrent call with the key may have come first, for this order or another one.
    const absl::Status concurrent = FindByKey(session, wanted, result);
    return concurrent.ok() && !result ? refusal : concurrent;
  }

  // The reservation of the key, if there is one; KeyReused() if it was made for something else.
  static absl::Status FindByKey(PostgresSession& session, const WantedReservation& wanted,
                                std::optional<Reservation>& result) {
    const absl::StatusOr<std::optional<EarlierReservation>> found =
        session.FindRow(kFindByKey, {wanted.principal, wanted.idempotency_key}, ToEarlier);
    if (!found.ok()) return found.status();
    if (!*found) return absl::OkStatus();
    if (IsAnother(**found, wanted)) return KeyReused();
    Reservation earlier{(*found)->id, (*found)->order_id, {}, {}};
    const auto read = session.FindRow(
        kGetReservedOrder, {earlier.order_id.value()}, [&earlier](const PostgresRow& row) {
          earlier.user_id = UserId(row.Int64("user_id"));
          earlier.amount = {row.Int64("total_minor"), row.Text("currency")};
          return true;
        });
    if (!read.ok()) return read.status();
    result = std::move(earlier);
    return absl::OkStatus();
  }

  static absl::StatusOr<ChargedOrder> FindCharged(PostgresSession& session,
                                                  const LockedOrder& order, const Charge& charge) {
    ChargedOrder charged{order.state, order.total, false, std::nullopt};
    if (charge.reservation_id.empty()) return charged;
    const absl::Status read = session.ForEachRow(
        kFindReservation, {charge.reservation_id, order.id.value()}, [&](const PostgresRow& row) {
          charged.reserved = true;
          if (!row.IsNull("outcome")) {
            charged.outcome = row.Parsed("outcome", FindReservationOutcome);
          }
        });
    if (!read.ok()) return read;
    return charged;
  }

  // The reservation that the charge names.
  static absl::Status End(PostgresSession& session, const Charge& charge) {
    const ReservationOutcome outcome =
        charge.captured ? ReservationOutcome::kCaptured : ReservationOutcome::kFailed;
    return session
        .Execute(kEndReservation,
                 {charge.reservation_id, std::string(ReservationOutcomeName(outcome))})
        .status();
  }

  // Whether the order's capture was under that reservation; with none given, whether it was
  // captured without one.
  static absl::StatusOr<bool> WasPaidUnder(PostgresSession& session, const LockedOrder& order,
                                           const std::string& reservation_id) {
    const absl::StatusOr<std::string> captured = FindCapturedReservation(session, order);
    if (!captured.ok()) return captured.status();
    const bool was_paid = order.state == OrderState::kPaid ||
                          order.state == OrderState::kRefunding || !captured->empty();
    return was_paid && *captured == reservation_id;
  }

  PostgresPool& pool_;
  Outbox& outbox_;
};

}  // namespace

std::unique_ptr<ReservationRepository> MakeReservationRepository(PostgresPool& pool,
                                                                 Outbox& outbox) {
  return std::make_unique<PostgresReservationRepository>(pool, outbox);
}

}  // namespace scaleout::order
