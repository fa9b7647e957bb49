// The charges' table: who asks the provider for a reservation's charge, and what became of it.
//
// A charge is made in two steps, so that a crash between them loses nothing. Begin() commits the
// payment as AUTHORIZED, with a lease; then the provider is asked under the reservation's id; and
// Decide() commits its final answer. One call at a time holds the lease. When it is over, and the
// charge not decided, a repeated call may go on; when the sweeper's time has come, none may until
// the sweeper has taken the charge. Leases save work; what makes a charge happen once is that the
// provider acts once for a reference and repeats its answer, and that the first Decide() stays.
//
// Every method takes the call on whose behalf it works and returns the pool's statuses:
// UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED. Implementations are thread-safe.
#ifndef SCALEOUT_SERVICES_PAYMENT_CHARGE_REPOSITORY_H_
#define SCALEOUT_SERVICES_PAYMENT_CHARGE_REPOSITORY_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "services/payment/payment.h"
#include "services/payment/payment_provider.h"

namespace scaleout {
class Outbox;
class PostgresPool;
}  // namespace scaleout

namespace scaleout::payment {

struct ChargeTimes {
  // How long a call works on a charge at most.
  std::chrono::milliseconds lease;
  // From its beginning until the sweeper asks what became of it.
  std::chrono::milliseconds settle_after;
  // From one such question to the next at least: `settle_after`, or as long as the answer may take
  // if that is longer, so that one charge is asked about once at a time.
  std::chrono::milliseconds ask_again_after = settle_after;
};

// What CreatePayment answers once the charge is decided (payment_message.h), and by whom that was
// written.
struct StoredAnswer {
  std::string json;
  bool earlier = false;  // another call, or the sweeper, has written it before
};

// For SettleReservation.
struct Settlement {
  enum class Outcome { kUndecided, kCaptured, kFailed };
  Outcome outcome = Outcome::kUndecided;
  Money amount;  // if it was captured
};

class ChargeRepository {
 public:
  virtual ~ChargeRepository() = default;

  // Nothing if the caller is to ask the provider now; else the stored answer. ABORTED with
  // IDEMPOTENCY_KEY_IN_PROGRESS while another call works on it, or the sweeper is to, and with
  // PAYMENT_IN_PROGRESS if the order has a live payment for another reservation;
  // FAILED_PRECONDITION with IDEMPOTENCY_KEY_REUSED for another payment method, and with
  // RESERVATION_ENDED after a Settle() that came first, or when the answer's life is over.
  virtual absl::StatusOr<std::optional<std::string>> Begin(const CallContext& call,
                                                           const NewPayment& payment) = 0;
  // The lease is over now: a repeated call may go on at once.
  virtual absl::Status Release(const CallContext& call, const std::string& reservation_id) = 0;
  // Commits the payment's final state, its events (payment_events.h) and the answer; or answers
  // what is stored already. NOT_FOUND if no charge was begun.
  virtual absl::StatusOr<StoredAnswer> Decide(const CallContext& call,
                                              const std::string& reservation_id,
                                              const ChargeAnswer& answer) = 0;
  // A reservation whose charge was begun settle_after ago, is not decided, and has no call at work.
  // It is given to no sweeper for ask_again_after, or for half its age, at most a minute, if that
  // is longer. Meanwhile a repeated call may go on with it.
  virtual absl::StatusOr<std::optional<std::string>> TakeDue(const CallContext& call) = 0;
  // What became of the reservation. One of which no charge was begun has failed from then on.
  virtual absl::StatusOr<Settlement> Settle(const CallContext& call,
                                            const std::string& reservation_id) = 0;
  // Deletes at most `most` answers that are older than kIdempotencyKeyLife; how many.
  virtual absl::StatusOr<std::int64_t> Purge(const CallContext& call, std::int32_t most) = 0;
};

// `outbox` is that of `pool`; both must outlive the repository.
std::unique_ptr<ChargeRepository> MakeChargeRepository(PostgresPool& pool, Outbox& outbox,
                                                       const ChargeTimes& times);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_CHARGE_REPOSITORY_H_
