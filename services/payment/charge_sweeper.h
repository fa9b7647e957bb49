// Ends payments that are AUTHORIZED although nothing works on them: the provider did not answer,
// its reply was lost, or the process died. Whether or not the client comes back.
//
// The provider is asked. What it has decided is recorded; while it is pending, the payment waits; a
// charge that it does not know is voided there, after which it declines one that comes late, and
// only then is the payment FAILED. Nothing is concluded from a time that has passed. An error, of
// which nothing can be concluded, is tried again. Several replicas may sweep at once. It runs on
// threads of its own, from Start() to the destructor.
#ifndef SCALEOUT_SERVICES_PAYMENT_CHARGE_SWEEPER_H_
#define SCALEOUT_SERVICES_PAYMENT_CHARGE_SWEEPER_H_

#include <chrono>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/fault_points.h"
#include "common/log.h"
#include "common/metrics.h"
#include "service/background_thread.h"
#include "service/backlog_workers.h"
#include "services/payment/charge_repository.h"
#include "services/payment/payment_provider.h"

namespace scaleout::payment {

class ChargeSweeper {
 public:
  // All must outlive the sweeper.
  struct Parts {
    ChargeRepository& charges;
    PaymentProvider& provider;
    Logger& logger;
    Metrics& metrics;
    const Clock& clock;
    const FaultPoints& faults = FaultPoints::None();
    int threads = 1;  // that ask the provider at once
  };

  // `settle_after` as the repository has it.
  ChargeSweeper(const Parts& parts, std::chrono::milliseconds settle_after);
  ChargeSweeper(const ChargeSweeper&) = delete;
  ChargeSweeper& operator=(const ChargeSweeper&) = delete;
  // Waits for what is at work: as long as the provider may take for an answer.
  ~ChargeSweeper();

  // Rounds begin once `is_ready` says that the tables are there. Once.
  void Start(std::function<bool()> is_ready);
  // Nothing more is begun.
  void AskToStop() { thread_.AskToStop(); }

  // Asks about each payment that is due. What was asked about may be at work still, unless
  // Parts::threads is 1; answers the first error that has been seen by then. For tests too.
  absl::Status Round();

 private:
  absl::StatusOr<BacklogWorkers::Job> Take();
  absl::Status Settle(const std::string& reservation_id);
  // What the provider has decided about the reference, and decides now if it does not know it.
  absl::StatusOr<ChargeReport> FindOrVoid(const std::string& reservation_id);

  ChargeRepository& charges_;
  PaymentProvider& provider_;
  Logger& logger_;
  const FaultPoints& faults_;
  Counter& captured_;
  Counter& failed_;
  Counter& pending_;
  Counter& error_;
  BacklogWorkers workers_;
  BackgroundThread thread_;
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_CHARGE_SWEEPER_H_
