// The payments as clients read them. All of the SQL is in the .cc; who makes and changes payments
// is in charge_repository.h and refund_repository.h.
//
// Every method takes the call on whose behalf it works and returns its statuses, and the pool's:
// UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED. Implementations are thread-safe.
#ifndef SCALEOUT_SERVICES_PAYMENT_PAYMENT_REPOSITORY_H_
#define SCALEOUT_SERVICES_PAYMENT_PAYMENT_REPOSITORY_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "service/principal.h"
#include "services/payment/payment.h"

namespace scaleout {
class PostgresPool;
}  // namespace scaleout

namespace scaleout::payment {

// Payments that match both; one that is absent matches all.
struct PaymentFilter {
  std::optional<UserId> user_id;
  std::optional<OrderId> order_id;
};

// What is answered for the id of a payment that does not exist: NOT_FOUND.
absl::Status NoSuchPayment(PaymentId id);

class PaymentRepository {
 public:
  virtual ~PaymentRepository() = default;

  // NOT_FOUND, also for another owner's.
  virtual absl::StatusOr<Payment> Get(const CallContext& call, PaymentId id, Owner owner) = 0;
  // For each key the payment, if there is one of that owner; one statement.
  virtual absl::StatusOr<std::vector<std::optional<Payment>>> FindMany(
      const CallContext& call, const std::vector<OwnedId<PaymentId>>& keys) = 0;
  // Newest first, from below `before` (none: from the newest), at most `limit`.
  virtual absl::StatusOr<std::vector<Payment>> List(const CallContext& call,
                                                    const PaymentFilter& filter,
                                                    std::optional<PaymentId> before, int limit) = 0;
  // Of each user the newest `limit`, newest first; the users in the order of `user_ids`, in which
  // each occurs once. One statement.
  virtual absl::StatusOr<std::vector<Payment>> ListOfUsers(const CallContext& call,
                                                           const std::vector<UserId>& user_ids,
                                                           int limit) = 0;
};

// `pool` must outlive the repository.
std::unique_ptr<PaymentRepository> MakePaymentRepository(PostgresPool& pool);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_REPOSITORY_H_
