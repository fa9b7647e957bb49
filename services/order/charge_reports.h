// Says what charges did to their orders: in the log, and for the one that must never happen, an
// orphaned capture (charge.h), in a counter. What an event did is reported from its transaction: if
// that has to be made again, it is reported again. Thread-safe.
#ifndef SCALEOUT_SERVICES_ORDER_CHARGE_REPORTS_H_
#define SCALEOUT_SERVICES_ORDER_CHARGE_REPORTS_H_

#include <string_view>

#include "common/log.h"
#include "common/metrics.h"
#include "services/order/charge.h"

namespace scaleout::order {

class ChargeReports {
 public:
  // Both must outlive it.
  ChargeReports(Logger& logger, Metrics& metrics);

  // `source`: the event's type, or "settlement".
  void Add(std::string_view source, const Charge& charge, ChargeEffect effect);

 private:
  Logger& logger_;
  Counter& orphaned_;
};

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_CHARGE_REPORTS_H_
