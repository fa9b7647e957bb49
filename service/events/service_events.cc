#include "service/events/service_events.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "common/str_cat.h"
#include "redis/stream_reader.h"
#include "redis/stream_writer.h"
#include "service/background_thread.h"
#include "service/events/event_consumer.h"
#include "service/events/event_metrics.h"
#include "service/events/event_relay.h"

namespace scaleout {
namespace {

// A connection each for the relay and the consumer, beside those of the requests.
constexpr int kEventConnections = 2;

// Less than the database lets the relay's transaction wait for them, all together.
constexpr RedisClientOptions kStreamClient = {.connect_timeout = std::chrono::seconds(1),
                                              .command_timeout = std::chrono::seconds(1),
                                              .retry_pause = std::chrono::milliseconds(50)};

PostgresPoolOptions PoolOptions(const ServiceConfig& config) {
  PostgresPoolOptions options = config.database;
  options.name = "events";
  options.max_connections = kEventConnections;
  options.connect.application_name += " events";
  options.connect.index_plans = true;
  return options;
}

// Streams of the consumed types, each once.
std::vector<std::string> StreamsOf(const std::vector<ConsumedEvent>& consumes) {
  std::vector<std::string> streams;
  for (const ConsumedEvent& consumed : consumes) {
    std::string stream = events::v1::StreamOf(events::v1::KindOf(consumed.type));
    if (std::ranges::find(streams, stream) == streams.end()) streams.push_back(std::move(stream));
  }
  return streams;
}

std::vector<std::string> TypesOf(const std::vector<PublishedStream>& publishes,
                                 const std::vector<ConsumedEvent>& consumes) {
  std::vector<std::string> types;
  for (const PublishedStream& stream : publishes) {
    types.insert(types.end(), stream.types.begin(), stream.types.end());
  }
  for (const ConsumedEvent& consumed : consumes) types.push_back(consumed.type);
  return types;
}

}  // namespace

struct ServiceEvents::Impl {
  // What there is with a server.
  struct Running {
    Running(Impl& events, const RedisServer& server, const std::vector<ConsumedEvent>& consumes)
        : metrics(events.context.metrics(), TypesOf(events.publishes, consumes)),
          pool(PoolOptions(events.config()), {}, {}, events.context.logger(),
               events.context.metrics(), events.context.clock()),
          writer(MakeRedisStreamWriter(server, kStreamClient, events.context.clock())),
          relay_thread({.name = "relay", .work = "publishing events"}, events.context.clock(),
                       events.context.logger()),
          relay(
              pool, *writer, events.publishes,
              {.max_length = events.config().max_unacknowledged_events}, events.context.clock(),
              events.context.logger(), metrics, [this] { return relay_thread.stopping(); },
              events.context.faults()),
          consumer_thread({.name = "consumer",
                           .work = "handling events",
                           .poll = std::chrono::milliseconds::zero(),
                           .pace_min = std::chrono::milliseconds::zero(),
                           .pace_max = std::chrono::milliseconds::zero()},
                          events.context.clock(), events.context.logger()) {
      if (consumes.empty()) return;
      reader = MakeRedisStreamReader(
          server, kStreamClient,
          {StreamsOf(consumes), events.config().service, events.config().instance_id},
          events.context.clock());
      consumer.emplace(
          events.config().service, pool, *reader, events.outbox, consumes, EventConsumerOptions(),
          events.context.clock(), events.context.logger(), metrics,
          [this] { return consumer_thread.stopping(); }, events.context.faults());
    }
    ~Running() {
      // Both are asked before either is waited for.
      relay_thread.AskToStop();
      consumer_thread.AskToStop();
      relay_thread.Stop();
      consumer_thread.Stop();
    }

    EventMetrics metrics;
    PostgresPool pool;
    const std::unique_ptr<StreamWriter> writer;
    BackgroundThread relay_thread;
    EventRelay relay;
    BackgroundThread consumer_thread;
    std::unique_ptr<StreamReader> reader;
    std::optional<EventConsumer> consumer;
  };

  Impl(ServiceContext& context_in, std::vector<PublishedStream> publishes_in)
      : context(context_in),
        publishes(std::move(publishes_in)),
        outbox(context.pool(), publishes) {}

  const ServiceConfig& config() const { return context.config(); }

  ServiceContext& context;
  const std::vector<PublishedStream> publishes;
  Outbox outbox;
  std::optional<Running> running;
};

ServiceEvents::ServiceEvents(ServiceContext& context, std::vector<PublishedStream> publishes)
    : impl_(std::make_unique<Impl>(context, std::move(publishes))) {}

ServiceEvents::~ServiceEvents() = default;

Outbox& ServiceEvents::outbox() { return impl_->outbox; }

void ServiceEvents::Start(const std::vector<ConsumedEvent>& consumes) {
  Impl& impl = *impl_;
  const std::optional<RedisServer>& server = impl.config().event_server;
  if (!server) {
    impl.context.logger().Warn("events wait in the database: REDIS_STATE_ADDRESS is not set");
    return;
  }
  Impl::Running& running = impl.running.emplace(impl, *server, consumes);
  impl.outbox.OnWake([&running] { running.relay_thread.Wake(); });
  // The tables are there once the requests' pool has made them.
  const auto is_ready = [&pool = impl.context.pool()] { return pool.reachable(); };
  running.relay_thread.Start(is_ready, [&running] { return running.relay.Round(); });
  if (!running.consumer) return;
  running.consumer_thread.Start(is_ready, [&running] { return running.consumer->Round(); });
}

}  // namespace scaleout
