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
    " (reference, provider_reference, approved, decline_reason, amount_minor, currency)"
    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (reference) DO NOTHING"};

constexpr PostgresStatement kReadCharge = {
    "read_charge",
    "SELECT approved, provider_reference, decline_reason FROM simulated_provider_charges"
    " WHERE reference = $1"};

ChargeAnswer ToChargeAnswer(const PostgresRow& row) {
  return {row.Bool("approved"), row.Text("provider_reference"), row.Text("decline_reason")};
}

class PostgresProviderLedger final : public ProviderLedger {
 public:
  explicit PostgresProviderLedger(PostgresPool& pool) : pool_(pool) {}

  absl::StatusOr<LedgerEntry> Enter(const CallContext& call, const ChargeRequest& request,
                                    const ChargeAnswer& answer) override {
    const absl::StatusOr<std::int64_t> entered = pool_.Execute(
        call, kEnterCharge,
        {request.reference, answer.provider_reference, answer.approved ? "true" : "false",
         answer.decline_reason, request.amount.amount_minor, request.amount.currency});
    if (!entered.ok()) return entered.status();
    if (*entered == 1) return LedgerEntry{answer, true};
    absl::StatusOr<std::optional<ChargeAnswer>> earlier =
        pool_.FindRow(call, kReadCharge, {request.reference}, ToChargeAnswer);
    if (!earlier.ok()) return earlier.status();
    if (!*earlier) return absl::AbortedError("the ledger's entry was deleted");
    return LedgerEntry{**std::move(earlier), false};
  }

 private:
  PostgresPool& pool_;
};

}  // namespace

std::unique_ptr<ProviderLedger> MakeProviderLedger(PostgresPool& pool) {
  return std::make_unique<PostgresProviderLedger>(pool);
}

}  // namespace scaleout::payment
