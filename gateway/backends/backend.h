// One service as the gateway knows it: its name, the connection to it, what all calls to it share,
// and how it is asked for its health.
//
// Made at start, after the last fork (gRPC does not survive one), and shared by all loops; every
// part is thread-safe. The typed backends (user_backend.h and its like) are verbs over one of these
// and do not outlive it. Knows no gRPC, so that whatever lists backends does not either.
#ifndef SCALEOUT_GATEWAY_BACKENDS_BACKEND_H_
#define SCALEOUT_GATEWAY_BACKENDS_BACKEND_H_

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/backends/backend_guard.h"
#include "gateway/backends/backend_health.h"
#include "gateway/backends/coalescer_metrics.h"
#include "gateway/cache/cache_metrics.h"

namespace scaleout::gateway {

class BackendChannel;
class CompletionThreads;

struct Backend {
  // Connects to `target`, a gRPC name. `threads` as BackendChannel's.
  Backend(std::string_view name_in, const std::string& target, const GuardParts& parts,
          std::shared_ptr<CompletionThreads> threads = nullptr);
  // Without a channel, for tests that call no service.
  Backend(std::string_view name_in, const GuardParts& parts,
          std::unique_ptr<BackendHealth> health_in);
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  ~Backend();

  const std::string name;
  const std::unique_ptr<BackendChannel> channel;
  BackendGuard guard;
  const std::unique_ptr<BackendHealth> health;
  // One for each method whose reads are coalesced; made with the typed backends, before the loops
  // start.
  std::deque<CoalescerMetrics> coalescers;
  // The places of those who wait for coalesced reads, of all methods and loops; null without any.
  std::unique_ptr<Bulkhead> readers;
  // One for each method whose answers are cached; as `coalescers`.
  std::deque<CacheMethodMetrics> cached;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_BACKEND_H_
