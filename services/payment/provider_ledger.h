// The simulated provider's books: which reference was charged, and what was answered.
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
  bool fresh = false;  // entered by this call, not by an earlier one
};

class ProviderLedger {
 public:
  virtual ~ProviderLedger() = default;

  // Enters `answer` under the request's reference, unless there is an entry already; answers what
  // stands there then.
  virtual absl::StatusOr<LedgerEntry> Enter(const CallContext& call, const ChargeRequest& request,
                                            const ChargeAnswer& answer) = 0;
};

// Survives a crash. `pool` must outlive the ledger.
std::unique_ptr<ProviderLedger> MakeProviderLedger(PostgresPool& pool);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PROVIDER_LEDGER_H_
