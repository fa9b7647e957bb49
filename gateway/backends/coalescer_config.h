// How the reads of a backend are coalesced: when waiting keys are sent, and how many. The defaults
// are the product's (docs/coalescing.md says what they were chosen by).
#ifndef SCALEOUT_GATEWAY_BACKENDS_COALESCER_CONFIG_H_
#define SCALEOUT_GATEWAY_BACKENDS_COALESCER_CONFIG_H_

#include <chrono>
#include <cstddef>

#include "common/settings.h"

namespace scaleout::gateway {

// All but `on` and `max_waiting` for each event loop and method by itself.
struct CoalescerConfig {
  bool on = true;
  // Of one batch; the contracts allow no more than the default.
  std::size_t max_keys = 64;
  // Batches whose answers have not come yet.
  std::size_t max_in_flight = 8;
  // Beside batches in flight another one is sent when so many keys wait, of all page sizes, or one
  // has waited for so long for each of them.
  std::size_t eager_keys = 48;
  std::chrono::microseconds max_wait{300};
  // Reads of a backend, over all loops and methods, that may wait for their batch or its answer;
  // one more is refused. Batches are few, so the bulkhead does not keep a backend that hangs from
  // taking every place of the gateway.
  int max_waiting = 512;
};

// Declares its settings. Values that contradict each other are problems too.
void DeclareCoalescerSettings(Settings& settings, CoalescerConfig& config);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_COALESCER_CONFIG_H_
