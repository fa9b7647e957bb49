// Reservations in memory, for tests of what works over the repository; records what is asked for
// and answers what the test says. Used by one thread.
#ifndef SCALEOUT_TESTS_SERVICES_ORDER_FAKE_RESERVATIONS_H_
#define SCALEOUT_TESTS_SERVICES_ORDER_FAKE_RESERVATIONS_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "services/order/reservation_repository.h"

namespace scaleout::order {

inline constexpr const char* kReservationId = "0f8fad5b-d9cb-469f-a165-70867728950e";

class FakeReservations final : public ReservationRepository {
 public:
  absl::StatusOr<Reservation> Reserve(const CallContext&,
                                      const WantedReservation& request) override {
    wanted.push_back(request);
    if (!failure.ok()) return failure;
    return Reservation{kReservationId, request.order_id, UserId(7), {3998, "EUR"}};
  }
  absl::StatusOr<ChargeEffect> Settle(PostgresSession&, const Charge& charge) override {
    charges.push_back(charge);
    if (!failure.ok()) return failure;
    return effect;
  }
  absl::Status RequestRefund(const CallContext&, OrderId order_id,
                             const std::string& reservation_id) override {
    refunds.emplace_back(order_id, reservation_id);
    return failure;
  }
  absl::StatusOr<bool> Refunded(PostgresSession&, OrderId order_id,
                                const std::string& reservation_id) override {
    refunds.emplace_back(order_id, reservation_id);
    if (!failure.ok()) return failure;
    return refund_moves;
  }
  absl::StatusOr<std::vector<OverdueReservation>> TakeOverdue(const CallContext&,
                                                              std::chrono::milliseconds age,
                                                              int limit) override {
    ages.push_back(age);
    if (!failure.ok()) return failure;
    const auto taken = std::min<std::ptrdiff_t>(limit, std::ssize(overdue));
    std::vector<OverdueReservation> result(overdue.begin(), overdue.begin() + taken);
    overdue.erase(overdue.begin(), overdue.begin() + taken);
    return result;
  }
  absl::StatusOr<std::int64_t> Purge(const CallContext&, std::int32_t) override { return 0; }

  absl::Status failure;
  ChargeEffect effect = ChargeEffect::kMoved;
  bool refund_moves = true;
  std::vector<OverdueReservation> overdue;  // taken from the front

  std::vector<WantedReservation> wanted;
  std::vector<Charge> charges;
  std::vector<std::pair<OrderId, std::string>> refunds;
  std::vector<std::chrono::milliseconds> ages;
};

}  // namespace scaleout::order

#endif  // SCALEOUT_TESTS_SERVICES_ORDER_FAKE_RESERVATIONS_H_
