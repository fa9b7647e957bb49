#include "gateway/backends/coalescer_config.h"

#include "proto/scaleout/rpc/v1/request_limits.h"

namespace scaleout::gateway {

void DeclareCoalescerSettings(Settings& settings, CoalescerConfig& config) {
  settings.Group("Coalesced reads");
  settings.Switch("COALESCE", config.on, "the same reads of concurrent requests travel as batches");
  settings.Int("COALESCE_MAX_KEYS", config.max_keys, 1, rpc::v1::kMaxBatchKeys,
               "keys of one batch");
  settings.Int("COALESCE_MAX_IN_FLIGHT", config.max_in_flight, 1, 256,
               "batches in flight, of each loop and method");
  settings.Int("COALESCE_EAGER_KEYS", config.eager_keys, 1, rpc::v1::kMaxBatchKeys,
               "so many waiting keys, or a whole batch of them, are sent at once");
  auto max_wait_us = config.max_wait.count();
  settings.Int(
      "COALESCE_MAX_WAIT_US", max_wait_us, 0, 1'000'000,
      "and fewer when one has waited for so long, in microseconds, for each batch in flight");
  config.max_wait = std::chrono::microseconds(max_wait_us);
  settings.Int("COALESCE_MAX_WAITING", config.max_waiting, 1, 1'000'000,
               "reads of a backend that may wait for a batch or its answer; more are refused");
}

}  // namespace scaleout::gateway
