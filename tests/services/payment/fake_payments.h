// Payments in memory; the test sets what Begin(), Finish() and Release() return. Used by one
// thread.
#ifndef SCALEOUT_TESTS_SERVICES_PAYMENT_FAKE_PAYMENTS_H_
#define SCALEOUT_TESTS_SERVICES_PAYMENT_FAKE_PAYMENTS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "services/payment/payment_repository.h"

namespace scaleout::payment {

class FakePayments final : public PaymentRepository {
 public:
  absl::StatusOr<Claim> Begin(const CallContext&, const NewPayment& payment,
                              std::chrono::milliseconds lease_in) override {
    log.push_back("begin");
    begun = payment;
    lease = lease_in;
    if (!begin_failure.ok()) return begin_failure;
    if (earlier) return Claim(*earlier);
    return Claim(Attempt{payment.user_id, payment.idempotency_key, "ref-1", "lease-1"});
  }
  absl::StatusOr<Payment> Finish(const CallContext& call, const Attempt& attempt,
                                 const NewPayment& payment, const Outcome& outcome) override {
    log.push_back("finish " + attempt.lease_token);
    recording = call;
    if (!finish_failure.ok()) return finish_failure;
    Payment made = Add(payment.user_id.value(), payment.order_id.value(), outcome.state);
    made.amount = payment.amount;
    made.provider_reference = outcome.provider_reference;
    made.failure_reason = outcome.failure_reason;
    return made;
  }
  absl::Status Release(const CallContext& call, const Attempt& attempt) override {
    log.push_back("release " + attempt.lease_token);
    recording = call;
    return release_failure;
  }
  absl::StatusOr<Payment> Get(const CallContext&, PaymentId id, Owner owner) override {
    const std::optional<Payment> found = Find({id, owner});
    if (!found) return NoSuchPayment(id);
    return *found;
  }
  absl::StatusOr<std::vector<std::optional<Payment>>> FindMany(
      const CallContext&, const std::vector<OwnedId<PaymentId>>& keys) override {
    ++batches;
    std::vector<std::optional<Payment>> found;
    for (const OwnedId<PaymentId>& key : keys) found.push_back(Find(key));
    return found;
  }
  absl::StatusOr<std::vector<Payment>> List(const CallContext&, const PaymentFilter& filter,
                                            std::optional<PaymentId> before, int limit) override {
    std::vector<Payment> result;
    for (auto payment = payments.rbegin(); payment != payments.rend(); ++payment) {
      if (filter.user_id && payment->user_id != *filter.user_id) continue;
      if (filter.order_id && payment->order_id != *filter.order_id) continue;
      if (before && payment->id >= *before) continue;
      if (static_cast<int>(result.size()) < limit) result.push_back(*payment);
    }
    return result;
  }
  absl::StatusOr<std::vector<Payment>> ListOfUsers(const CallContext& call,
                                                   const std::vector<UserId>& user_ids,
                                                   int limit) override {
    ++batches;
    std::vector<Payment> result;
    for (const UserId user_id : user_ids) {
      const auto payments_of_user = List(call, {user_id, std::nullopt}, std::nullopt, limit);
      result.insert(result.end(), payments_of_user->begin(), payments_of_user->end());
    }
    return result;
  }

  Payment Add(std::int64_t user_id, std::int64_t order_id,
              PaymentState state = PaymentState::kCaptured) {
    Payment payment;
    payment.id = PaymentId(static_cast<std::int64_t>(payments.size()) + 1);
    payment.user_id = UserId(user_id);
    payment.order_id = OrderId(order_id);
    payment.state = state;
    payments.push_back(payment);
    return payment;
  }

  std::optional<Payment> Find(const OwnedId<PaymentId>& key) const {
    for (const Payment& payment : payments) {
      if (payment.id == key.id && key.owner.Covers(payment.user_id.value())) return payment;
    }
    return std::nullopt;
  }

  std::vector<Payment> payments;
  std::vector<std::string> log;
  std::optional<Payment> earlier;
  NewPayment begun;
  std::chrono::milliseconds lease{};
  CallContext recording;
  absl::Status begin_failure;
  absl::Status finish_failure;
  absl::Status release_failure;
  int batches = 0;
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_TESTS_SERVICES_PAYMENT_FAKE_PAYMENTS_H_
