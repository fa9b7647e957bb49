// The payments' tables, as plain structs. All of their SQL is in the .cc.
//
// A payment is made in two steps, so that a crash between them loses nothing: Begin() commits an
// attempt with a lease on the idempotency key, Finish() commits the payment and ends the attempt.
// At most one call holds the lease of a key; when it is over, a repeated call takes the attempt
// over. A finished attempt answers every repeated call with its payment.
//
// Every method takes the call on whose behalf it works and returns its statuses, and the pool's:
// UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED. Implementations are thread-safe.
#ifndef SCALEOUT_SERVICES_PAYMENT_PAYMENT_REPOSITORY_H_
#define SCALEOUT_SERVICES_PAYMENT_PAYMENT_REPOSITORY_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "service/principal.h"
#include "services/payment/payment.h"

namespace scaleout {
class Outbox;
class PostgresPool;
}  // namespace scaleout

namespace scaleout::payment {

// The right to charge for one (user, idempotency key), until the lease is over.
struct Attempt {
  UserId user_id;
  std::string idempotency_key;
  std::string charge_reference;  // the same for every attempt with the key
  std::string lease_token;       // this attempt's own
};

// An attempt to be made, or the payment that an earlier one made.
using Claim = std::variant<Attempt, Payment>;

// The provider's final answer, as the payment will have it.
struct Outcome {
  PaymentState state = PaymentState::kFailed;
  std::string provider_reference;
  std::string failure_reason;
};

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

  // Takes the lease on the payment's key, durably. ABORTED with IDEMPOTENCY_KEY_IN_PROGRESS while
  // another call holds it; FAILED_PRECONDITION with IDEMPOTENCY_KEY_REUSED if the key was used for
  // another payload.
  virtual absl::StatusOr<Claim> Begin(const CallContext& call, const NewPayment& payment,
                                      std::chrono::milliseconds lease) = 0;
  // Writes the payment and its events (payment_events.h) and ends the attempt, in one transaction.
  // ABORTED if the lease was lost meanwhile.
  virtual absl::StatusOr<Payment> Finish(const CallContext& call, const Attempt& attempt,
                                         const NewPayment& payment, const Outcome& outcome) = 0;
  // Ends the lease now, so that a repeated call can take over at once. Without effect if another
  // call has the lease.
  virtual absl::Status Release(const CallContext& call, const Attempt& attempt) = 0;
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

// `pool`, which is the outbox's too, and `outbox` must outlive the repository.
std::unique_ptr<PaymentRepository> MakePaymentRepository(PostgresPool& pool, Outbox& outbox);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_REPOSITORY_H_
