#include "services/user/user_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/scaleout/events/v1/event.h"
#include "scaleout/events/v1/events.pb.h"

namespace scaleout::user {
namespace {

using ::testing::ElementsAre;

TEST(UserEvents, SayWhichUserChanged) {
  const OutgoingEvent event = UserChanged(UserId(7));
  EXPECT_EQ(event.type, "user.changed");
  EXPECT_EQ(event.aggregate_id, 7);
  events::v1::UserChanged message;
  ASSERT_TRUE(events::v1::ParsePayload(event.payload, message).ok()) << event.payload;
  EXPECT_EQ(message.user_id(), 7);
}

TEST(UserEvents, AreDeclaredForTheGateways) {
  const std::vector<PublishedStream> streams = PublishedStreams();
  ASSERT_EQ(streams.size(), 1u);
  EXPECT_EQ(streams[0].kind, "user");
  EXPECT_THAT(streams[0].types, ElementsAre(UserChanged(UserId(7)).type));
  EXPECT_THAT(streams[0].groups, ElementsAre("api-gateway"));
}

}  // namespace
}  // namespace scaleout::user
