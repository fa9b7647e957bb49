// The simulated provider's ledger: which references it has charged, and what it answered.
//
// It is what makes the simulated provider charge once for each reference, also when this service
// crashes between a charge and its record. It belongs to the provider: the payment repository does
// not read it. Implementations are thread-safe.
#ifndef SCALEOUT_SERVICES_PAYMENT_PROVIDER_LEDGER_H_
#define SCALEOUT_SERVICES_PAYMENT_PROVIDER_LEDGER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "services/payment/payment_provider.h"

namespace scaleout {
class PostgresPool;
}  // namespace scaleout

namespace scaleout::payment {

struct LedgerEntry {
  ChargeAnswer answer;
  bool fresh = false;  // this call entered it, not an earlier one
};

class ProviderLedger {
 public:
  virtual ~ProviderLedger() = default;

  // Stores `answer` under the request's reference, unless an earlier call has stored one. Returns
  // what is stored.
  virtual absl::StatusOr<LedgerEntry> Enter(const CallContext& call, const ChargeRequest& request,
                                            const ChargeAnswer& answer) = 0;
};

// Stores the entries in PostgreSQL. `pool` must outlive the ledger.
std::unique_ptr<ProviderLedger> MakeProviderLedger(PostgresPool& pool);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PROVIDER_LEDGER_H_
