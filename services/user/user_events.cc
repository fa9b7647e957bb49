#include "services/user/user_events.h"

#include "proto/scaleout/events/v1/event.h"
#include "scaleout/events/v1/events.pb.h"

namespace scaleout::user {
namespace {

constexpr const char* kChanged = "user.changed";

}  // namespace

std::vector<PublishedStream> PublishedStreams() {
  return {{.kind = "user", .types = {kChanged}, .groups = {"api-gateway"}}};
}

OutgoingEvent UserChanged(UserId id) {
  events::v1::UserChanged message;
  message.set_user_id(id.value());
  return {kChanged, id.value(), events::v1::ToPayload(message)};
}

}  // namespace scaleout::user
