#include "services/order/order_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/scaleout/events/v1/event.h"
#include "scaleout/events/v1/events.pb.h"

namespace scaleout::order {
namespace {

using ::testing::ElementsAre;

TEST(OrderEvents, SayWhichOrderOfWhichUserChanged) {
  const OutgoingEvent event = OrderChanged(OrderId(5), UserId(7));
  EXPECT_EQ(event.type, "order.changed");
  EXPECT_EQ(event.aggregate_id, 5);
  events::v1::OrderChanged message;
  ASSERT_TRUE(events::v1::ParsePayload(event.payload, message).ok()) << event.payload;
  EXPECT_EQ(message.order_id(), 5);
  EXPECT_EQ(message.user_id(), 7);
}

TEST(OrderEvents, RequestTheRefundOfWhatWasPaidUnderTheReservation) {
  const OutgoingEvent event = OrderRefundRequested(OrderId(5), UserId(7), "some-id");
  EXPECT_EQ(event.type, "order.refund_requested");
  EXPECT_EQ(event.aggregate_id, 5);
  events::v1::OrderRefundRequested message;
  ASSERT_TRUE(events::v1::ParsePayload(event.payload, message).ok()) << event.payload;
  EXPECT_EQ(message.order_id(), 5);
  EXPECT_EQ(message.user_id(), 7);
  EXPECT_EQ(message.reservation_id(), "some-id");
}

TEST(OrderEvents, AreDeclaredForTheirReaders) {
  const std::vector<PublishedStream> streams = PublishedStreams();
  ASSERT_EQ(streams.size(), 2u);
  EXPECT_EQ(streams[0].kind, "order");
  EXPECT_THAT(streams[0].types, ElementsAre("order.changed", "order.refund_requested"));
  EXPECT_THAT(streams[0].groups, ElementsAre("api-gateway", "payment-service"));
  EXPECT_EQ(streams[1].kind, "product");
  EXPECT_THAT(streams[1].types, ElementsAre("product.changed"));
  EXPECT_THAT(streams[1].groups, ElementsAre("api-gateway"));
}

}  // namespace
}  // namespace scaleout::order
