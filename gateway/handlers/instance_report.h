// What an instance says of itself in the list of all instances (Instance in docs/openapi.yaml).
//
// Of several event loops it gives the worst lag and the mean utilization. requestsPerSecond is of
// the time since the description before, so descriptions are made in a steady beat. At most
// kMaxReportedAddresses addresses are named, so that the entry stays small. Not thread-safe: one
// thread describes; what is injected is read from any.
#ifndef SCALEOUT_GATEWAY_HANDLERS_INSTANCE_REPORT_H_
#define SCALEOUT_GATEWAY_HANDLERS_INSTANCE_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "gateway/backends/backends.h"
#include "gateway/observability/instance_snapshot.h"
#include "gateway/observability/readiness.h"

namespace scaleout::gateway {

inline constexpr std::size_t kMaxReportedAddresses = 8;

struct InstanceIdentity {
  std::string instance_id;
  int worker = 0;  // of a supervisor, from 1; 0: none
  std::vector<std::string> addresses;
};

class InstanceReport {
 public:
  // The instance has started now. The references outlive the report.
  InstanceReport(InstanceIdentity identity, const Clock& clock,
                 const InstanceSnapshotSource& instance, const Readiness& readiness,
                 Backends& backends);

  // A JSON object.
  std::string Describe();

 private:
  double RequestsPerSecond(std::int64_t total);

  const InstanceIdentity identity_;
  const Clock& clock_;
  const InstanceSnapshotSource& instance_;
  const Readiness& readiness_;
  Backends& backends_;
  const WallTime started_;
  // Of the description before.
  MonotonicTime described_at_;
  std::int64_t requests_ = 0;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_INSTANCE_REPORT_H_
