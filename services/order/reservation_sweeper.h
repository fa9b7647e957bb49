// Ends reservations of which no event has come: after a while it asks the payment service what has
// become of them.
//
// No rule depends on two clocks: a reservation that the payment service does not know is ended
// there, for good, before it is ended here. Several replicas may sweep at once. It runs on a thread
// of its own, from Start() to the destructor, and takes one connection of the requests' pool for
// the time of a transaction.
#ifndef SCALEOUT_SERVICES_ORDER_RESERVATION_SWEEPER_H_
#define SCALEOUT_SERVICES_ORDER_RESERVATION_SWEEPER_H_

#include <chrono>
#include <functional>

#include "absl/status/status.h"
#include "common/clock.h"
#include "common/fault_points.h"
#include "common/log.h"
#include "service/background_thread.h"
#include "service/events/outbox.h"
#include "services/order/charge_reports.h"
#include "services/order/payment_settlements.h"
#include "services/order/reservation_repository.h"

namespace scaleout::order {

class ReservationSweeper {
 public:
  // What is swept, and with what; all must outlive the sweeper.
  struct Parts {
    ReservationRepository& reservations;
    PaymentSettlements& settlements;
    ChargeReports& reports;
    Outbox& outbox;
    Logger& logger;
    const Clock& clock;
    const FaultPoints& faults = FaultPoints::None();
  };

  // `settle_after`: how long a reservation waits for its event, and between two questions.
  ReservationSweeper(Parts parts, std::chrono::milliseconds settle_after);

  // Rounds begin once `is_ready` says that the tables are there. Once.
  void Start(std::function<bool()> is_ready);

  // Asks about each reservation that is overdue, until there is none or the first error; for tests
  // too.
  absl::Status Round();

 private:
  absl::Status Settle(const OverdueReservation& reservation);

  const Parts parts_;
  const std::chrono::milliseconds settle_after_;
  BackgroundThread thread_;
};

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_RESERVATION_SWEEPER_H_
