// Charges in memory; the test sets what the methods return. Used by one thread.
#ifndef SCALEOUT_TESTS_SERVICES_PAYMENT_FAKE_CHARGES_H_
#define SCALEOUT_TESTS_SERVICES_PAYMENT_FAKE_CHARGES_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "services/payment/charge_repository.h"
#include "services/payment/payment_message.h"

namespace scaleout::payment {

class FakeCharges final : public ChargeRepository {
 public:
  absl::StatusOr<std::optional<std::string>> Begin(const CallContext&,
                                                   const NewPayment& payment) override {
    log.push_back("begin");
    begun = payment;
    if (!begin_failure.ok()) return begin_failure;
    return stored;
  }
  absl::Status Release(const CallContext& call, const std::string& reservation_id) override {
    log.push_back("release " + reservation_id);
    recording = call;
    return release_failure;
  }
  absl::StatusOr<StoredAnswer> Decide(const CallContext& call, const std::string& reservation_id,
                                      const ChargeAnswer& answer) override {
    log.push_back("decide " + reservation_id + (answer.approved ? " approved" : " declined"));
    recording = call;
    if (!decide_failure.ok()) return decide_failure;
    if (stored) return StoredAnswer{*stored, true};
    return StoredAnswer{ToAnswer(Decided(answer)), false};
  }
  absl::StatusOr<std::optional<std::string>> TakeDue(const CallContext&) override {
    if (!take_failure.ok()) return take_failure;
    if (due.empty()) return std::nullopt;
    const std::string taken = due.front();
    due.pop_front();
    return taken;
  }
  absl::StatusOr<Settlement> Settle(const CallContext&, const std::string&) override {
    return settlement;
  }
  absl::StatusOr<std::int64_t> Purge(const CallContext&, std::int32_t) override { return 0; }

  Payment Decided(const ChargeAnswer& answer) const {
    Payment payment;
    payment.id = PaymentId(1);
    payment.reservation_id = begun.reservation_id;
    payment.order_id = begun.order_id;
    payment.user_id = begun.user_id;
    payment.amount = begun.amount;
    payment.state = answer.approved ? PaymentState::kCaptured : PaymentState::kFailed;
    if (answer.approved) payment.provider_reference = answer.provider_reference;
    payment.failure_reason = answer.decline_reason;
    return payment;
  }

  std::vector<std::string> log;
  std::deque<std::string> due;
  // The answer of an earlier call.
  std::optional<std::string> stored;
  NewPayment begun;
  CallContext recording;
  absl::StatusOr<Settlement> settlement = Settlement();
  absl::Status begin_failure;
  absl::Status decide_failure;
  absl::Status release_failure;
  absl::Status take_failure;
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_TESTS_SERVICES_PAYMENT_FAKE_CHARGES_H_
