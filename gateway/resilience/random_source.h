// Randomness, passed in, so that a test can choose the numbers: a call gives a number that is
// uniform in [0, 1). Thread-safe if what it is made of is; MakeRandomSource's is.
#ifndef SCALEOUT_GATEWAY_RESILIENCE_RANDOM_SOURCE_H_
#define SCALEOUT_GATEWAY_RESILIENCE_RANDOM_SOURCE_H_

#include <functional>

namespace scaleout::gateway {

using RandomSource = std::function<double()>;

// Seeded by the machine, one generator a thread. For jitter, not for secrets.
RandomSource MakeRandomSource();

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RESILIENCE_RANDOM_SOURCE_H_
