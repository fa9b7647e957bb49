#include "gateway/cache/cache_config.h"

namespace scaleout::gateway {

using namespace std::chrono_literals;

void DeclareCacheSettings(Settings& settings, CacheConfig& config) {
  settings.Group("Cached reads");
  settings.Switch("CACHE", config.on, "reads are cached in redis-cache");
  settings.Milliseconds("CACHE_TTL_USER", config.user_ttl, 10ms, 24h,
                        "a user is fresh for so long");
  settings.Milliseconds("CACHE_TTL_PRODUCT", config.product_ttl, 10ms, 24h,
                        "a product is fresh for so long");
  settings.Milliseconds("CACHE_TTL_ORDER", config.order_ttl, 10ms, 24h,
                        "an order is fresh for so long");
  settings.Milliseconds("CACHE_TTL_PAYMENT", config.payment_ttl, 10ms, 24h,
                        "a payment is fresh for so long");
  settings.Milliseconds("CACHE_TTL_LIST", config.list_ttl, 10ms, 24h,
                        "a list is fresh for so long");
  settings.Milliseconds("CACHE_TTL_NEGATIVE", config.negative_ttl, 10ms, 1h,
                        "that there is no such thing is remembered for so long");
  settings.Milliseconds("CACHE_STALE", config.stale, 0ms, 24h,
                        "and served for so long after that, while a new one is asked for");
  settings.Milliseconds("CACHE_LOCK_WAIT", config.lock_wait, 0ms, 3s,
                        "wait for a value that another replica is asking for");
}

}  // namespace scaleout::gateway
