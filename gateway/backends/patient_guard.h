// A guard for calls that wait for what is slow by its nature, beside that of their backend: a queue
// of hashes, a payment provider.
//
// As the others, but for its limits, and no share of slow calls opens its breaker: an answer is a
// success however late it comes.
#ifndef SCALEOUT_GATEWAY_BACKENDS_PATIENT_GUARD_H_
#define SCALEOUT_GATEWAY_BACKENDS_PATIENT_GUARD_H_

#include <string_view>

#include "common/clock.h"

namespace scaleout::gateway {

class BackendGuard;
class Backends;
struct GuardParts;

struct PatientLimits {
  Duration attempt_timeout;  // instead of the configured one
  Duration silence;          // of the service, which is a failure; less says nothing
  int max_calls;             // in flight from one gateway; fewer if the configuration says so
};

// Adds it to the list.
BackendGuard& AddPatientGuard(Backends& backends, std::string_view name, const GuardParts& parts,
                              const PatientLimits& limits);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_PATIENT_GUARD_H_
