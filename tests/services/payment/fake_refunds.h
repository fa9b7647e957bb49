// Refunds in memory; the test sets what the methods return. Used by one thread.
#ifndef SCALEOUT_TESTS_SERVICES_PAYMENT_FAKE_REFUNDS_H_
#define SCALEOUT_TESTS_SERVICES_PAYMENT_FAKE_REFUNDS_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "services/payment/refund_repository.h"

namespace scaleout::payment {

class FakeRefunds final : public RefundRepository {
 public:
  absl::StatusOr<bool> Request(PostgresSession&, OrderId order_id,
                               const std::string& reservation_id) override {
    log.push_back("request " + std::to_string(order_id.value()) + " " + reservation_id);
    return requested;
  }
  absl::StatusOr<std::optional<Refund>> TakeDue(const CallContext&,
                                                std::chrono::milliseconds again_after_in) override {
    again_after = again_after_in;
    if (!take_failure.ok()) return take_failure;
    if (due.empty()) return std::nullopt;
    const Refund taken = due.front();
    due.pop_front();
    return taken;
  }
  absl::Status Complete(const CallContext&, const Refund& refund) override {
    log.push_back("complete " + refund.id);
    return end_failure;
  }
  absl::Status Refuse(const CallContext&, const Refund& refund,
                      const std::string& refusal) override {
    log.push_back("refuse " + refund.id + " " + refusal);
    ++refused;
    return end_failure;
  }
  absl::StatusOr<std::int64_t> CountRefused(const CallContext&) override {
    if (!count_failure.ok()) return count_failure;
    return refused;
  }

  std::vector<std::string> log;
  std::deque<Refund> due;
  absl::StatusOr<bool> requested = true;
  std::chrono::milliseconds again_after{};
  std::int64_t refused = 0;
  absl::Status take_failure;
  absl::Status end_failure;
  absl::Status count_failure;
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_TESTS_SERVICES_PAYMENT_FAKE_REFUNDS_H_
