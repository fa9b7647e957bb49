#include "services/payment/order_event_handlers.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/str_cat.h"
#include "proto/scaleout/rpc/v1/request_limits.h"
#include "scaleout/events/v1/events.pb.h"

namespace scaleout::payment {

using events::v1::Event;

std::vector<ConsumedEvent> OrderEventHandlers(std::shared_ptr<RefundRepository> refunds) {
  const EventHandler refund_requested = [refunds = std::move(refunds)](
                                            PostgresSession& session,
                                            const Event& event) -> absl::StatusOr<EventEffect> {
    events::v1::OrderRefundRequested message;
    const bool parsed = events::v1::ParsePayload(event.payload, message).ok();
    const std::string& reservation_id = message.reservation_id();
    if (!parsed || message.order_id() <= 0 ||
        (!reservation_id.empty() && !rpc::v1::IsUuid(reservation_id))) {
      return absl::DataLossError(StrCat("the payload of ", event.type, " names no order"));
    }
    const absl::StatusOr<bool> requested =
        refunds->Request(session, OrderId(message.order_id()), reservation_id);
    if (!requested.ok()) return requested.status();
    return *requested ? EventEffect::kApplied : EventEffect::kNone;
  };
  return {{"order.refund_requested", refund_requested}};
}

}  // namespace scaleout::payment
