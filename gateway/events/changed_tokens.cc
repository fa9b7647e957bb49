#include "gateway/events/changed_tokens.h"

#include <cstdint>

#include "gateway/cache/cache_names.h"
#include "proto/scaleout/rpc/v1/request_limits.h"
#include "scaleout/events/v1/events.pb.h"

namespace scaleout::gateway {
namespace {

// Of a payload that names the user whose list the thing is in.
template <typename Message>
absl::StatusOr<std::int64_t> UserOf(const events::v1::Event& event) {
  Message message;
  if (absl::Status parsed = events::v1::ParsePayload(event.payload, message); !parsed.ok()) {
    return parsed;
  }
  if (!rpc::v1::IsValidId(message.user_id())) {
    return absl::InvalidArgumentError("the event's payload has no user_id");
  }
  return message.user_id();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> TokensChangedBy(const events::v1::Event& event) {
  const std::int64_t id = event.aggregate_id;
  if (event.type == "user.changed") return std::vector{UserToken(id)};
  if (event.type == "product.changed") {
    return std::vector<std::string>{ProductToken(id), kProductListsToken};
  }
  if (event.type == "order.changed") {
    const auto user = UserOf<events::v1::OrderChanged>(event);
    if (!user.ok()) return user.status();
    return std::vector{OrderToken(id), OrdersOfToken(*user)};
  }
  if (event.type == "payment.changed") {
    const auto user = UserOf<events::v1::PaymentChanged>(event);
    if (!user.ok()) return user.status();
    return std::vector{PaymentToken(id), PaymentsOfToken(*user)};
  }
  return std::vector<std::string>();
}

}  // namespace scaleout::gateway
