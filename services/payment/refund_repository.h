// The refunds' table: what is to be given back, until the provider has answered finally.
//
// A refund is a row, written once for a payment, by the event that asks for it; its id is the
// reference under which the provider gives the amount back once. A sweeper asks for it until the
// answer is final. All of the SQL is in the .cc. Statuses are the pool's. Implementations are
// thread-safe.
#ifndef SCALEOUT_SERVICES_PAYMENT_REFUND_REPOSITORY_H_
#define SCALEOUT_SERVICES_PAYMENT_REFUND_REPOSITORY_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "services/payment/payment.h"

namespace scaleout {
class Outbox;
class PostgresPool;
class PostgresSession;
}  // namespace scaleout

namespace scaleout::payment {

struct Refund {
  std::string id;  // a UUID
  PaymentId payment_id;
  std::string provider_reference;  // of the charge
  Money amount;
};

class RefundRepository {
 public:
  virtual ~RefundRepository() = default;

  // Writes the refund of what the order was paid with under that reservation, or without one
  // where it is empty; whether there is a new one. In the caller's transaction. NOT_FOUND if no
  // such payment was captured.
  virtual absl::StatusOr<bool> Request(PostgresSession& session, OrderId order_id,
                                       const std::string& reservation_id) = 0;
  // A refund whose time has come; it is not given to another sweeper for `again_after`.
  virtual absl::StatusOr<std::optional<Refund>> TakeDue(const CallContext& call,
                                                        std::chrono::milliseconds again_after) = 0;
  // The provider has given it back: the payment is REFUNDED, with its events. Again changes
  // nothing.
  virtual absl::Status Complete(const CallContext& call, const Refund& refund) = 0;
  // The provider never will. Again changes nothing.
  virtual absl::Status Refuse(const CallContext& call, const Refund& refund,
                              const std::string& refusal) = 0;
  virtual absl::StatusOr<std::int64_t> CountRefused(const CallContext& call) = 0;
};

// `outbox` is that of `pool`; both must outlive the repository.
std::unique_ptr<RefundRepository> MakeRefundRepository(PostgresPool& pool, Outbox& outbox);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_REFUND_REPOSITORY_H_
