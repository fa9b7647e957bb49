#include "service/events/service_events.h"

#include <utility>

namespace scaleout {

struct ServiceEvents::Impl {
  Impl(ServiceContext& context_in, std::vector<PublishedStream> publishes_in)
      : context(context_in),
        publishes(std::move(publishes_in)),
        outbox(context.pool(), publishes) {}

  ServiceContext& context;
  const std::vector<PublishedStream> publishes;
  Outbox outbox;
};

ServiceEvents::ServiceEvents(ServiceContext& context, std::vector<PublishedStream> publishes)
    : impl_(std::make_unique<Impl>(context, std::move(publishes))) {}

ServiceEvents::~ServiceEvents() = default;

Outbox& ServiceEvents::outbox() { return impl_->outbox; }

void ServiceEvents::Start(std::vector<ConsumedEvent> consumes) {
  if (!impl_->context.config().event_server) {
    impl_->context.logger().Warn("events wait in the database: REDIS_STATE_ADDRESS is not set");
  }
  (void)consumes;
}

}  // namespace scaleout
