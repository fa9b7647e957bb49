// CPU-bound work for the lab: counts primes by trial division until the time is up. It holds its
// thread the whole time, on purpose, and looks at the clock and at its stop token every few tens of
// microseconds, so it ends that soon after either says so. Pure but for the clock; any thread.
#ifndef SCALEOUT_GATEWAY_HANDLERS_CPU_BURN_H_
#define SCALEOUT_GATEWAY_HANDLERS_CPU_BURN_H_

#include <cstdint>
#include <stop_token>

#include "common/clock.h"

namespace scaleout::gateway {

// Ends once `duration` has passed on `clock`, or soon after `stop` is requested. Returns how many
// primes it has found, so that a compiler cannot leave the work out.
std::uint64_t BurnCpu(const Clock& clock, Duration duration, std::stop_token stop = {});

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_CPU_BURN_H_
