#include "gateway/gateway.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "common/clock.h"
#include "common/descriptor_limit.h"
#include "common/grpc_log.h"
#include "common/metrics.h"
#include "common/str_cat.h"
#include "gateway/auth/auth_metrics.h"
#include "gateway/auth/forged_token_limit.h"
#include "gateway/auth/login_rate_limit.h"
#include "gateway/auth/rate_limiter.h"
#include "gateway/auth/request_rate_limit.h"
#include "gateway/auth/token_verifier.h"
#include "gateway/backends/auth_backend.h"
#include "gateway/backends/backends.h"
#include "gateway/backends/cached_backends.h"
#include "gateway/backends/coalesced_verb.h"
#include "gateway/cache/read_cache.h"
#include "gateway/cache/token_replacer.h"
#include "gateway/cache/token_source.h"
#include "gateway/cluster/instance_directory.h"
#include "gateway/cluster/instance_registry.h"
#include "gateway/cluster/shared_counter.h"
#include "gateway/events/cache_invalidator.h"
#include "gateway/followed_sessions.h"
#include "gateway/handlers/instance_report.h"
#include "gateway/http/connection_capacity.h"
#include "gateway/http/http_server.h"
#include "gateway/observability/instance_stats.h"
#include "gateway/observability/readiness.h"
#include "gateway/observability/request_stats.h"
#include "gateway/redis/loop_redis.h"
#include "gateway/resilience/concurrency_limiter.h"
#include "gateway/resilience/resilience_metrics.h"
#include "gateway/routes.h"
#include "gateway/runtime/event_loops.h"
#include "gateway/runtime/loop_watchdog.h"
#include "gateway/runtime/loop_watchdog_thread.h"
#include "gateway/runtime/offload_pool.h"
#include "gateway/runtime/step_thread.h"

namespace scaleout::gateway {
namespace {

// A loop that takes no tick for so long is not alive, long before the watchdog gives up on it.
constexpr std::chrono::seconds kLivenessBound{5};

// How often a gateway that waits for its backends looks for a stop signal.
constexpr std::chrono::milliseconds kStopPoll{100};

std::vector<std::string> AddressesOf(const ListenSockets& sockets) {
  std::vector<std::string> addresses;
  for (const ListenSocket& socket : sockets) addresses.push_back(socket.address());
  return addresses;
}

// 0, with a line that says why, if there are too few descriptors to serve at all.
std::size_t PlanConnections(const GatewayConfig& config, std::size_t descriptors, Logger& logger) {
  const std::size_t fits = ConnectionsThatFit(descriptors, config.loops);
  const std::size_t most = MaxConnections(config.max_connections, descriptors, config.loops);
  const auto number = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  if (most == 0) {
    logger.Error("too few descriptors", {{"descriptors", number(descriptors)},
                                         {"reserved", number(kReservedDescriptors)}});
  } else if (config.max_connections > fits) {
    logger.Warn("GATEWAY_MAX_CONNECTIONS is more than the descriptors allow",
                {{"configured", number(config.max_connections)},
                 {"maxConnections", number(most)},
                 {"descriptors", number(descriptors)},
                 {"reserved", number(kReservedDescriptors)}});
  }
  return most;
}

std::vector<Executor*> ExecutorsOf(const EventLoops& loops) {
  std::vector<Executor*> executors;
  for (std::size_t i = 0; i < loops.size(); ++i) executors.push_back(&loops.at(i));
  return executors;
}

// What is the same for each Redis server.
struct RedisParts {
  RedisLinkConfig link;
  std::vector<Executor*> loops;
  const Clock& clock;
  Logger& logger;
  Metrics& metrics;
};

// Null without a server. It connects once the loops run.
std::unique_ptr<LoopRedis> ConnectRedis(std::string_view name,
                                        const std::optional<RedisServer>& server,
                                        const RedisParts& parts) {
  if (!server) return nullptr;
  auto redis = std::make_unique<LoopRedis>(name, *server, parts.link, parts.loops, parts.clock,
                                           parts.logger, parts.metrics);
  redis->Start();
  return redis;
}

// Of the thread that handles events: it may wait, but is to end within a second.
constexpr RedisClientOptions kEventRedis = {.connect_timeout = std::chrono::milliseconds(250),
                                            .command_timeout = std::chrono::milliseconds(250),
                                            .retry_pause = Duration::zero()};

// Null without redis-state. Also with CACHE=off it replaces tokens, because other gateways may
// serve what is in redis-cache.
std::unique_ptr<CacheInvalidator> MakeInvalidator(const GatewayConfig& config, const Clock& clock,
                                                  Logger& logger, Metrics& metrics) {
  if (!config.redis.state) return nullptr;
  CacheInvalidator::ReplaceTokens replace;
  if (config.redis.cache) {
    auto replacer =
        std::make_shared<TokenReplacer>(*config.redis.cache, kEventRedis, clock, MakeTokenSource());
    replace = [replacer](const std::vector<std::string>& names) {
      return replacer->Replace(names);
    };
  }
  return std::make_unique<CacheInvalidator>(
      MakeRedisStreamReader(*config.redis.state, kEventRedis,
                            {.streams = OwnersStreams(),
                             .group = std::string(kGatewayGroup),
                             .consumer = config.instance_id},
                            clock),
      std::move(replace), clock, logger, metrics);
}

HttpServerOptions ServerOptions(const GatewayConfig& config, std::size_t max_connections) {
  HttpServerOptions options;
  options.instance_id = config.instance_id;
  options.pipeline.access_log = config.access_log;
  options.pipeline.public_caching = config.public_caching;
  options.pipeline.trusted_proxies = config.rate_limits.trusted_proxies;
  options.limits = config.connection;
  options.max_connections = max_connections;
  return options;
}

void WarnOfOpenAuth(const AuthConfig& auth, Logger& logger) {
  if (auth.mode == AuthMode::kRequired) return;
  logger.Warn("AUTH_MODE is optional: a request without a token may do everything",
              {{"publicKeys", static_cast<std::int64_t>(auth.keys.list().size())}});
  if (auth.keys.list().empty()) {
    logger.Warn("AUTH_PUBLIC_KEYS is not set: every token is refused");
  }
}

// The stop signal that came meanwhile, or 0.
int WaitForBackends(Backends& backends, Duration at_most, StopSignals& signals, const Clock& clock,
                    Logger& logger) {
  logger.Info("connecting to the backends");
  const MonotonicTime end = clock.Now() + at_most;
  while (!backends.WaitUntilConnected(std::min<Duration>(kStopPoll, end - clock.Now()))) {
    if (const int signal = signals.Take(); signal != 0) return signal;
    if (clock.Now() < end) continue;
    logger.Warn("not every backend is reachable yet");
    break;
  }
  return 0;
}

}  // namespace

int RunGateway(const GatewayConfig& config, ListenSockets sockets, StopSignals& signals,
               Logger& logger) {
  const Clock& clock = SystemClock();
  const GrpcLog grpc_log(logger);
  const std::size_t descriptors = RaiseDescriptorLimit();
  const std::size_t max_connections = PlanConnections(config, descriptors, logger);
  if (max_connections == 0) return EXIT_FAILURE;
  const std::vector<std::string> addresses = AddressesOf(sockets);
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  AddProcessMetrics(*metrics);
  AddLogMetrics(*metrics, logger);
  const FaultPoints faults(config.faults, logger);
  EventLoops loops(config.loops, clock, logger, *metrics);

  const GuardParts guard_parts{config.resilience, clock, MakeRandomSource(), *metrics, logger};
  Backends backends(MakeBackends(config.backends, guard_parts, config.loops));
  const CoalescingParts parts{config.coalescer, ExecutorsOf(loops), clock, logger};
  const CoalescingParts* const coalescing = config.coalescer.on ? &parts : nullptr;
  UserBackend users = MakeUserBackend(backends.Get("user"), coalescing);
  AuthBackend auth =
      MakeAuthBackend(backends.Get("user"), AddCredentialsGuard(backends, guard_parts));
  OrderBackend orders = MakeOrderBackend(backends.Get("order"), coalescing);
  ProductBackend products = MakeProductBackend(backends.Get("order"), coalescing);
  PaymentBackend payments = MakePaymentBackend(backends.Get("payment"),
                                               AddChargesGuard(backends, guard_parts), coalescing);

  const RedisParts redis_parts{config.redis.link, ExecutorsOf(loops), clock, logger, *metrics};
  const std::unique_ptr<LoopRedis> redis_cache =
      config.cache.on ? ConnectRedis("redis-cache", config.redis.cache, redis_parts) : nullptr;
  std::unique_ptr<ReadCache> cache;
  if (redis_cache != nullptr) {
    cache = std::make_unique<ReadCache>(config.cache, *redis_cache, redis_parts.loops, clock,
                                        logger, *metrics, MakeTokenSource());
    CacheUsers(*cache, backends.Get("user"), users);
    InvalidateUsersAfter(*cache, auth);
    CacheOrders(*cache, backends.Get("order"), orders);
    CacheProducts(*cache, backends.Get("order"), products);
    CachePayments(*cache, backends.Get("payment"), payments);
  }
  OffloadPool offload(config.offload_threads, config.offload_queue);
  RequestStats stats;
  InstanceStats instance(clock, loops, stats);
  Readiness readiness([&] { return loops.MakeProgress(clock.Now(), kLivenessBound); });

  const std::unique_ptr<LoopRedis> redis_state =
      ConnectRedis("redis-state", config.redis.state, redis_parts);
  const std::unique_ptr<SharedCounter> shared_counter = MakeSharedCounter(redis_state.get());
  InstanceReport report({config.instance_id, config.worker, addresses}, clock, instance, readiness,
                        backends);
  const InstanceRegistryConfig registry_config;
  InstanceRegistry registry(
      config.instance_id, config.redis.state, registry_config,
      [&report] { return report.Describe(); }, clock, logger, *metrics);
  const std::unique_ptr<RateLimiter> rate_limiter = MakeRateLimiter(
      redis_state.get(), [&registry] { return registry.instances(); }, *metrics);
  const std::unique_ptr<LoginRateLimit> login_rate_limit =
      MakeLoginRateLimit(config.rate_limits.login, *rate_limiter, *metrics);
  const std::unique_ptr<RequestRateLimit> request_rate_limit =
      MakeRequestRateLimit(config.rate_limits.requests, *rate_limiter, *metrics);
  const std::unique_ptr<InstanceDirectory> directory =
      MakeInstanceDirectory(redis_state.get(), registry_config.expiry);
  const std::unique_ptr<CacheInvalidator> invalidator =
      MakeInvalidator(config, clock, logger, *metrics);
  std::function<EventsReport()> events_report;
  if (invalidator != nullptr) events_report = [&invalidator] { return invalidator->report(); };
  StepThread events("events", [&invalidator] { return invalidator->Step(); });

  Handlers handlers{
      UserHandlers(users, *login_rate_limit),
      OverviewHandlers(users, orders, payments),
      ProductHandlers(products),
      OrderHandlers(orders),
      PaymentHandlers(payments, orders, faults),
      HealthHandlers(config.instance_id, loops.size(), readiness, backends, config.auth.mode),
      MetricsHandlers(config.instance_id, loops.size(), *metrics, instance, backends,
                      events_report),
      InstanceHandlers(
          config.instance_id, loops.size(), [&registry] { return registry.self(); }, *directory),
      CircuitBreakerHandlers(config.instance_id, backends),
      FaultHandlers(config.instance_id, backends),
      LabHandlers(config.instance_id, loops.size(), offload, *shared_counter),
      AuthHandlers(auth, users, *login_rate_limit, config.auth.keys),
  };
  const RouteTable routes(MakeRoutes(handlers, {config.lab_endpoints, config.max_body_bytes}));
  ConcurrencyLimiter limiter(config.resilience.limiter, routes.size(), loops.size(), clock);
  loops.OnEachTick(
      [&limiter](std::size_t loop, Duration lag) { limiter.ObserveLoopLag(loop, lag); });
  DescribeConcurrencyLimiter(*metrics, limiter);
  const TokenVerifier verifier(config.auth.keys, config.auth.issuer, config.auth.audience, clock);
  FollowedSessions sessions(MakeSessionBackend(backends.Get("user"), coalescing),
                            config.redis.state, redis_parts.loops, clock, logger, *metrics);
  AuthMetrics auth_metrics(*metrics);
  const std::unique_ptr<ForgedTokenLimit> forged_token_limit =
      MakeForgedTokenLimit(config.auth.forged_tokens, *metrics);
  HttpServer server(ServerOptions(config, max_connections), loops, std::move(sockets),
                    {.routes = routes,
                     .clock = clock,
                     .metrics = *metrics,
                     .logger = logger,
                     .stats = stats,
                     .limiter = limiter,
                     .auth = {config.auth.mode, verifier, sessions.view(), auth_metrics,
                              forged_token_limit.get()},
                     .rate_limit = request_rate_limit.get()});

  LoopWatchdogConfig watchdog_config;
  watchdog_config.abort_after = config.loop_abort_after;
  LoopWatchdog watchdog(watchdog_config, loops.monitors(), logger, [&logger] {
    logger.Flush();
    std::abort();
  });

  WarnOfOpenAuth(config.auth, logger);
  // Only then listen: a balancer that is refused here goes on to a gateway that can answer.
  if (const int signal = WaitForBackends(backends, config.connect_wait, signals, clock, logger);
      signal != 0) {
    logger.Info("stopped before it served", {{"signal", signal}});
    return EXIT_SUCCESS;
  }
  if (absl::Status started = server.Start(); !started.ok()) {
    logger.Error("cannot serve", {{"error", FromAbsl(started.message())}});
    return EXIT_FAILURE;
  }
  loops.Start();
  readiness.SetStarted();
  registry.Start();
  if (invalidator != nullptr) events.Start();
  sessions.Start();
  logger.Info("serving", {{"listen", absl::StrJoin(addresses, ",")},
                          {"loops", static_cast<int>(config.loops)},
                          {"maxConnections", static_cast<std::int64_t>(max_connections)},
                          {"descriptors", static_cast<std::int64_t>(descriptors)}});
  bool drained = false;
  {
    const LoopWatchdogThread watching(watchdog, clock);
    const int signal = signals.Wait();
    signals.Release();
    readiness.SetDraining();
    registry.Renew();
    logger.Info("draining", {{"signal", signal}});
    sessions.Close();
    drained = server.Drain(config.drain, [&cache, &sessions] {
      return (cache == nullptr || cache->idle()) && sessions.idle();
    });
  }
  const bool events_ended = events.Stop();
  const bool sessions_ended = sessions.Stop();
  registry.Leave();
  logger.Info(drained ? "stopped" : "stopped with requests in flight",
              {{"inFlight", stats.active.value()}});
  logger.Flush();
  // Requests that outlived the timeout still stand on everything here, so nothing may be destroyed
  // under them.
  if (!drained) std::_Exit(EXIT_FAILURE);
  offload.Stop();
  if (!backends.WaitForCallbacks() || !events_ended || !sessions_ended) {
    std::_Exit(EXIT_SUCCESS);
  }
  return EXIT_SUCCESS;
}

}  // namespace scaleout::gateway
