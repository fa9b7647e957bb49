// What an owner's event says has changed, as names of the cache's tokens (cache/cache_names.h): the
// same that a write of it through a gateway replaces. Pure.
#ifndef SCALEOUT_GATEWAY_EVENTS_CHANGED_TOKENS_H_
#define SCALEOUT_GATEWAY_EVENTS_CHANGED_TOKENS_H_

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/scaleout/events/v1/event.h"

namespace scaleout::gateway {

// The events that have such names. Never one of another owner: the payment service's
// payment.captured comes before the order is PAID.
inline constexpr std::array<std::string_view, 4> kChangedTypes = {
    "user.changed", "product.changed", "order.changed", "payment.changed"};

// None for events of other types, such as a newer publisher's. INVALID_ARGUMENT if the payload does
// not say what it has to.
absl::StatusOr<std::vector<std::string>> TokensChangedBy(const events::v1::Event& event);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_EVENTS_CHANGED_TOKENS_H_
