// How reads are cached: for how long, and what may be served when. The defaults are the product's
// (docs/caching.md).
#ifndef SCALEOUT_GATEWAY_CACHE_CACHE_CONFIG_H_
#define SCALEOUT_GATEWAY_CACHE_CACHE_CONFIG_H_

#include <chrono>

#include "common/settings.h"

namespace scaleout::gateway {

struct CacheConfig {
  bool on = true;
  // How long a value is fresh, within 10 % of jitter.
  std::chrono::milliseconds user_ttl{30'000};
  std::chrono::milliseconds product_ttl{60'000};
  std::chrono::milliseconds order_ttl{15'000};
  std::chrono::milliseconds payment_ttl{30'000};
  std::chrono::milliseconds list_ttl{15'000};
  // That there is no such thing.
  std::chrono::milliseconds negative_ttl{5'000};
  // For so long after that, a value is served while one request asks for a new one.
  std::chrono::milliseconds stale{60'000};
  // A replica waits for so long for what another one is asking for.
  std::chrono::milliseconds lock_wait{250};
  // For experiments: whether readers of the same value wait for one of them, in this process and
  // others. Without it each asks the service itself.
  bool single_flight = true;
  // For experiments: answers of services are held back for a random time up to this, before they
  // are stored and given out.
  std::chrono::milliseconds fill_delay{0};
};

// Declares its settings.
void DeclareCacheSettings(Settings& settings, CacheConfig& config);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CACHE_CACHE_CONFIG_H_
