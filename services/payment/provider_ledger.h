// The simulated provider's books: which references it has charged, voided and given back, and what
// it answered.
//
// They are what makes the simulated provider act once for each reference, also when this service
// crashes between a charge and its record. They belong to the provider: the payment service's own
// repositories do not read them. Implementations are thread-safe.
#ifndef SCALEOUT_SERVICES_PAYMENT_PROVIDER_LEDGER_H_
#define SCALEOUT_SERVICES_PAYMENT_PROVIDER_LEDGER_H_

#include <chrono>
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
  ChargeReport report;
  bool fresh = false;  // this call entered it, not an earlier one
};

class ProviderLedger {
 public:
  virtual ~ProviderLedger() = default;

  // Stores `answer` under the request's reference, pending for `settles_in`, unless an earlier call
  // has stored one or the reference is voided. Returns what is stored.
  virtual absl::StatusOr<LedgerEntry> Enter(const CallContext& call, const ChargeRequest& request,
                                            const ChargeAnswer& answer,
                                            std::chrono::milliseconds settles_in) = 0;
  virtual absl::StatusOr<ChargeReport> Find(const CallContext& call,
                                            const std::string& reference) = 0;
  // Stores that the reference is voided, unless there is a charge. Returns what is stored.
  virtual absl::StatusOr<ChargeReport> Void(const CallContext& call,
                                            const std::string& reference) = 0;
  // Stores the refund, unless an earlier call has. Refuses what was not charged, and a second
  // refund of a charge.
  virtual absl::StatusOr<RefundAnswer> EnterRefund(const CallContext& call,
                                                   const RefundRequest& request) = 0;
};

// Stores the entries in PostgreSQL. `pool` must outlive the ledger.
std::unique_ptr<ProviderLedger> MakeProviderLedger(PostgresPool& pool);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PROVIDER_LEDGER_H_
