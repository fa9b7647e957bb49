// Payments in memory. Used by one thread.
#ifndef SCALEOUT_TESTS_SERVICES_PAYMENT_FAKE_PAYMENTS_H_
#define SCALEOUT_TESTS_SERVICES_PAYMENT_FAKE_PAYMENTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "services/payment/payment_repository.h"

namespace scaleout::payment {

class FakePayments final : public PaymentRepository {
 public:
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
  int batches = 0;
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_TESTS_SERVICES_PAYMENT_FAKE_PAYMENTS_H_
