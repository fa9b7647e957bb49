// Drives refunds until the provider has answered finally. That it is away never ends one; a final
// refusal does, and is an alert: the gauge payment_refunds_refused, and an error in the log.
//
// Several replicas may sweep at once. It runs on threads of its own, from Start() to the
// destructor.
#ifndef SCALEOUT_SERVICES_PAYMENT_REFUND_SWEEPER_H_
#define SCALEOUT_SERVICES_PAYMENT_REFUND_SWEEPER_H_

#include <chrono>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/fault_points.h"
#include "common/log.h"
#include "common/metrics.h"
#include "service/background_thread.h"
#include "service/backlog_workers.h"
#include "services/payment/payment_provider.h"
#include "services/payment/refund_repository.h"

namespace scaleout::payment {

class RefundSweeper {
 public:
  // All must outlive the sweeper.
  struct Parts {
    RefundRepository& refunds;
    PaymentProvider& provider;
    Logger& logger;
    Metrics& metrics;
    const Clock& clock;
    const FaultPoints& faults = FaultPoints::None();
    int threads = 1;  // that ask the provider at once
  };

  // `again_after`: from one question about a refund to the next.
  RefundSweeper(const Parts& parts, std::chrono::milliseconds again_after);
  RefundSweeper(const RefundSweeper&) = delete;
  RefundSweeper& operator=(const RefundSweeper&) = delete;
  // Waits for what is at work: as long as the provider may take for an answer.
  ~RefundSweeper();

  // Rounds begin once `is_ready` says that the tables are there. Once.
  void Start(std::function<bool()> is_ready);
  // Nothing more is begun.
  void AskToStop() { thread_.AskToStop(); }

  // Asks for each refund that is due. What was asked for may be at work still, unless
  // Parts::threads is 1; answers the first error that has been seen by then. For tests too.
  absl::Status Round();

 private:
  absl::StatusOr<BacklogWorkers::Job> Take();
  absl::Status Drive(const Refund& refund);

  RefundRepository& refunds_;
  PaymentProvider& provider_;
  Logger& logger_;
  const FaultPoints& faults_;
  const std::chrono::milliseconds again_after_;
  Gauge& refused_;
  BacklogWorkers workers_;
  BackgroundThread thread_;
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_REFUND_SWEEPER_H_
