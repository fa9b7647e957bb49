#include <cstdint>
#include <optional>
#include <utility>

#include "postgres/postgres_pool.h"
#include "services/payment/provider_ledger.h"

namespace scaleout::payment {
namespace {

constexpr PostgresStatement kEnterCharge = {
    "enter_charge",
    "INSERT INTO simulated_provider_charges"
    " (reference, provider_reference, approved, decline_reason, amount_minor, currency, settles_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7::bigint * interval '1 millisecond')"
    " ON CONFLICT (reference) DO NOTHING"};

// A void is an entry like any other, so that of it and a charge one comes first.
constexpr PostgresStatement kEnterVoid = {
    "enter_void",
    "INSERT INTO simulated_provider_charges"
    " (reference, provider_reference, approved, decline_reason, amount_minor, currency)"
    " VALUES ($1, 'void_' || $1, false, $2, 0, '') ON CONFLICT (reference) DO NOTHING"};

constexpr PostgresStatement kReadCharge = {"read_charge",
                                           "SELECT approved, provider_reference, decline_reason,"
                                           " settles_at > clock_timestamp() AS pending"
                                           " FROM simulated_provider_charges WHERE reference = $1"};

constexpr PostgresStatement kEnterRefund = {
    "enter_refund",
    "INSERT INTO simulated_provider_refunds (reference, provider_reference, amount_minor, currency)"
    " SELECT $1, provider_reference, amount_minor, currency FROM simulated_provider_charges"
    " WHERE provider_reference = $2 AND approved AND settles_at <= clock_timestamp()"
    " AND amount_minor = $3 AND currency = $4"
    " ON CONFLICT DO NOTHING"};

constexpr PostgresStatement kReadRefund = {
    "read_refund",
    "SELECT reference FROM simulated_provider_refunds WHERE provider_reference = $1"};

ChargeReport ToReport(const PostgresRow& row) {
  if (row.Bool("pending")) return {ChargeReport::State::kPending, {}};
  ChargeAnswer answer;
  answer.approved = row.Bool("approved");
  if (answer.approved) answer.provider_reference = row.Text("provider_reference");
  answer.decline_reason = row.Text("decline_reason");
  return {ChargeReport::State::kFinal, std::move(answer)};
}

class PostgresProviderLedger final : public ProviderLedger {
 public:
  explicit PostgresProviderLedger(PostgresPool& pool) : pool_(pool) {}

  absl::StatusOr<LedgerEntry> Enter(const CallContext& call, const ChargeRequest& request,
                                    const ChargeAnswer& answer,
                                    std::chrono::milliseconds settles_in) override {
    const absl::StatusOr<std::int64_t> entered = pool_.Execute(
        call, kEnterCharge,
        {request.reference, answer.provider_reference, answer.approved ? "true" : "false",
         answer.decline_reason, request.amount.amount_minor, request.amount.currency,
         std::int64_t{settles_in.count()}});
    if (!entered.ok()) return entered.status();
    absl::StatusOr<ChargeReport> report = Find(call, request.reference);
    if (!report.ok()) return report.status();
    return LedgerEntry{*std::move(report), *entered == 1};
  }

  absl::StatusOr<ChargeReport> Find(const CallContext& call,
                                    const std::string& reference) override {
    absl::StatusOr<std::optional<ChargeReport>> report =
        pool_.FindRow(call, kReadCharge, {reference}, ToReport);
    if (!report.ok()) return report.status();
    return (*std::move(report)).value_or(ChargeReport());
  }

  absl::StatusOr<ChargeReport> Void(const CallContext& call,
                                    const std::string& reference) override {
    const absl::StatusOr<std::int64_t> entered =
        pool_.Execute(call, kEnterVoid, {reference, kVoidedCharge});
    if (!entered.ok()) return entered.status();
    return Find(call, reference);
  }

  absl::StatusOr<RefundAnswer> EnterRefund(const CallContext& call,
                                           const RefundRequest& request) override {
    const absl::StatusOr<std::int64_t> entered =
        pool_.Execute(call, kEnterRefund,
                      {request.reference, request.provider_reference, request.amount.amount_minor,
                       request.amount.currency});
    if (!entered.ok()) return entered.status();
    if (*entered == 1) return RefundAnswer{true, ""};
    const absl::StatusOr<std::optional<std::string>> earlier =
        pool_.FindRow(call, kReadRefund, {request.provider_reference},
                      [](const PostgresRow& row) { return row.Text("reference"); });
    if (!earlier.ok()) return earlier.status();
    if (!*earlier) return RefundAnswer{false, "unknown_charge"};
    if (**earlier != request.reference) return RefundAnswer{false, "already_refunded"};
    return RefundAnswer{true, ""};
  }

 private:
  PostgresPool& pool_;
};

}  // namespace

std::unique_ptr<ProviderLedger> MakeProviderLedger(PostgresPool& pool) {
  return std::make_unique<PostgresProviderLedger>(pool);
}

}  // namespace scaleout::payment
