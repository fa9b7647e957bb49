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

class PostgresProviderLedger final : public ProviderLedger {
 public:
  explicit PostgresProviderLedger(PostgresPool& pool) : pool_(pool) {}

  absl::StatusOr<LedgerEntry> Enter(const CallContext& call, const ChargeRequest& request,
                                    const ChargeAnswer& answer) override {
    const absl::StatusOr<pqxx::result> entered = pool_.Query(
        call, kEnterCharge,
        {request.reference, answer.provider_reference, answer.approved ? "true" : "false",
         answer.decline_reason, request.amount.amount_minor, request.amount.currency});
    if (!entered.ok()) return entered.status();
    if (entered->affected_rows() == 1) return LedgerEntry{answer, true};
    const absl::StatusOr<pqxx::result> rows = pool_.Query(call, kReadCharge, {request.reference});
    if (!rows.ok()) return rows.status();
    if (rows->empty()) return absl::AbortedError("the ledger's entry has gone");
    const pqxx::row row = rows->front();
    return LedgerEntry{{row[0].as<bool>(), row[1].as<std::string>(), row[2].as<std::string>()},
                       false};
  }

 private:
  PostgresPool& pool_;
};

}  // namespace

std::unique_ptr<ProviderLedger> MakeProviderLedger(PostgresPool& pool) {
  return std::make_unique<PostgresProviderLedger>(pool);
}

}  // namespace scaleout::payment
