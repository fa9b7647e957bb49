// What the user repository publishes, in the transactions of its changes.
#include <optional>
#include <string>

#include "services/user/schema.h"
#include "services/user/user_events.h"
#include "services/user/user_repository.h"
#include "tests/integration/pool_fixture.h"
#include "tests/integration/transacted.h"

namespace scaleout::user {
namespace {

using scaleout::testing::CallFor;
using scaleout::testing::Transacted;

class UserRepositoryEventsTest : public scaleout::testing::PoolFixture {
 protected:
  UserId Create(const NewUser& user) {
    const auto created = TryToCreate(user);
    EXPECT_TRUE(created.ok()) << created.status();
    return created.ok() ? created->id : UserId();
  }

  absl::StatusOr<UserRecord> TryToCreate(const NewUser& user) {
    return Transacted(call_, outbox_,
                      [&](PostgresSession& session) { return users_->Create(session, user); });
  }

  static std::string Changed(UserId id) { return "user.changed " + std::to_string(id.value()); }

  const CallContext call_ = CallFor();
  const std::unique_ptr<PostgresPool> pool_ = MakePool(Schema());
  Outbox outbox_{*pool_, PublishedStreams()};
  const std::unique_ptr<UserRepository> users_ = MakeUserRepository(*pool_, outbox_);
};

TEST_F(UserRepositoryEventsTest, CreationChangeAndDeletionArePublished) {
  const UserId ada = Create({"ada@example.com", "Ada"});
  const UserId bob = Create({"bob@example.com", "Bob"});
  EXPECT_EQ(OutboxEvents(), Changed(ada) + ", " + Changed(bob));
  ASSERT_TRUE(users_->Update(call_, ada, {std::nullopt, "Augusta"}).ok());
  ASSERT_TRUE(users_->Delete(call_, bob).ok());
  EXPECT_EQ(OutboxEvents(),
            Changed(ada) + ", " + Changed(bob) + ", " + Changed(ada) + ", " + Changed(bob));
  EXPECT_EQ(Ask("SELECT DISTINCT payload FROM outbox WHERE aggregate_id = " +
                std::to_string(ada.value())),
            R"({"userId":")" + std::to_string(ada.value()) + R"("})");
}

TEST_F(UserRepositoryEventsTest, RefusedWritePublishesNothing) {
  const UserId ada = Create({"ada@example.com", "Ada"});
  const UserId bob = Create({"bob@example.com", "Bob"});
  const std::string before = OutboxEvents();
  EXPECT_TRUE(absl::IsAlreadyExists(TryToCreate({"ada@example.com", "Another"}).status()));
  EXPECT_TRUE(absl::IsAlreadyExists(
      users_->Update(call_, bob, {"ada@example.com", std::nullopt}).status()));
  const UserId absent(ada.value() + 1000);
  EXPECT_TRUE(absl::IsNotFound(users_->Update(call_, absent, {std::nullopt, "Eve"}).status()));
  EXPECT_TRUE(absl::IsNotFound(users_->Delete(call_, absent).status()));
  EXPECT_EQ(OutboxEvents(), before);
}

TEST_F(UserRepositoryEventsTest, ChangeWhoseEventCannotBeWrittenIsNotMade) {
  const UserId ada = Create({"ada@example.com", "Ada"});
  Ask("ALTER TABLE outbox ADD CHECK (id < 0) NOT VALID");
  EXPECT_FALSE(TryToCreate({"bob@example.com", "Bob"}).ok());
  EXPECT_FALSE(users_->Update(call_, ada, {std::nullopt, "Augusta"}).ok());
  EXPECT_FALSE(users_->Delete(call_, ada).ok());
  EXPECT_EQ(Ask("SELECT string_agg(name, ' ') FROM users"), "Ada");
}

TEST_F(UserRepositoryEventsTest, DemoDataIsLoadedWithoutEvents) {
  const auto seeded = MakePool(Schema(), true);
  EXPECT_EQ(OutboxEvents(), "");
}

}  // namespace
}  // namespace scaleout::user
