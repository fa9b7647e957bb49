#include "services/user/user_repository.h"

#include <functional>
#include <vector>

#include "common/status.h"
#include "services/user/schema.h"
#include "services/user/user_events.h"
#include "tests/integration/pool_fixture.h"
#include "tests/integration/transacted.h"

namespace scaleout::user {
namespace {

using scaleout::testing::CallFor;
using scaleout::testing::Transacted;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class UserRepositoryTest : public scaleout::testing::PoolFixture {
 protected:
  UserRecord Create(const std::string& email) {
    const auto created = TryToCreate(email);
    EXPECT_TRUE(created.ok()) << created.status();
    return created.value_or(UserRecord());
  }

  absl::StatusOr<UserRecord> TryToCreate(const std::string& email) {
    return Transacted(call_, outbox_, [&](PostgresSession& session) {
      return users_->Create(session, {email, "Ada"});
    });
  }

  SessionId BeginSession(UserId user) {
    const SessionId id = SessionId::Random();
    Ask("INSERT INTO sessions (id, user_id, refresh_hash, expires_at) VALUES ('" + id.hex() +
        "', " + std::to_string(user.value()) +
        ", decode(repeat('00', 32), 'hex'), now() + interval '30 days')");
    return id;
  }

  const CallContext call_ = CallFor();
  const std::unique_ptr<PostgresPool> pool_ = MakePool(Schema());
  Outbox outbox_{*pool_, PublishedStreams()};
  const std::unique_ptr<UserRepository> users_ = MakeUserRepository(*pool_, outbox_);
};

TEST_F(UserRepositoryTest, ReadsBackWhatItCreated) {
  const UserRecord made = Create("ada@example.com");
  EXPECT_GT(made.id.value(), 0);
  EXPECT_EQ(made.created_at, made.updated_at);
  EXPECT_LT(std::chrono::abs(SystemClock().WallNow() - made.created_at), std::chrono::minutes(5));
  const auto read = users_->Get(call_, made.id);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->email, "ada@example.com");
  EXPECT_EQ(read->name, "Ada");
}

TEST_F(UserRepositoryTest, UserWithNullWhereAValueIsExpectedIsInternal) {
  const UserRecord made = Create("ada@example.com");
  Ask("ALTER TABLE users ALTER COLUMN name DROP NOT NULL");
  Ask("UPDATE users SET name = NULL");
  const auto read = users_->Get(call_, made.id);
  EXPECT_TRUE(absl::IsInternal(read.status())) << read.status();
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("column name of get_user"));
  EXPECT_TRUE(absl::IsInternal(users_->FindMany(call_, {made.id}).status()));
}

TEST_F(UserRepositoryTest, ADeletedUsersIdDoesNotComeBackWithTheNextStart) {
  const auto seeded = MakePool(Schema(), /*seed=*/true);
  const UserId last = Create("last@example.com").id;
  Ask("DELETE FROM users WHERE id = " + std::to_string(last.value()));
  const auto replica = MakePool(Schema(), /*seed=*/true);
  EXPECT_GT(Create("next@example.com").id.value(), last.value());
}

TEST_F(UserRepositoryTest, RefusesAnAddressThatIsTakenInAnyCase) {
  Create("ada@example.com");
  const auto again = TryToCreate("ADA@example.com");
  EXPECT_TRUE(absl::IsAlreadyExists(again.status())) << again.status();
}

TEST_F(UserRepositoryTest, CreatesOneUserForConcurrentCallsWithOneAddress) {
  const std::function<absl::StatusOr<UserRecord>()> create = [this] {
    return TryToCreate("race@example.com");
  };
  int created = 0;
  for (const auto& user :
       RunBehindLock("LOCK TABLE users IN SHARE MODE", std::vector(kRacingCalls, create))) {
    EXPECT_TRUE(user.ok() || absl::IsAlreadyExists(user.status())) << user.status();
    created += user.ok() ? 1 : 0;
  }
  EXPECT_EQ(created, 1);
  EXPECT_EQ(Ask("SELECT count(*) FROM users"), "1");
}

TEST_F(UserRepositoryTest, ChangesOnlyWhatIsPresent) {
  const UserRecord ada = Create("ada@example.com");
  Create("bob@example.com");
  const auto renamed = users_->Update(call_, ada.id, {std::nullopt, "Augusta"});
  ASSERT_TRUE(renamed.ok()) << renamed.status();
  EXPECT_EQ(renamed->user.name, "Augusta");
  EXPECT_EQ(renamed->user.email, "ada@example.com");
  EXPECT_GT(renamed->user.updated_at, ada.updated_at);
  const auto taken = users_->Update(call_, ada.id, {"Bob@example.com", std::nullopt});
  EXPECT_TRUE(absl::IsAlreadyExists(taken.status())) << taken.status();
  EXPECT_THAT(std::string(taken.status().message()), HasSubstr("e-mail address"));
  const auto absent = users_->Update(call_, UserId(4711), {std::nullopt, "Augusta"});
  EXPECT_TRUE(absl::IsNotFound(absent.status())) << absent.status();
}

TEST_F(UserRepositoryTest, DeletesOnce) {
  const UserRecord ada = Create("ada@example.com");
  EXPECT_TRUE(users_->Delete(call_, ada.id).ok());
  EXPECT_TRUE(absl::IsNotFound(users_->Delete(call_, ada.id).status()));
  EXPECT_TRUE(absl::IsNotFound(users_->Get(call_, ada.id).status()));
}

TEST_F(UserRepositoryTest, AnotherRoleEndsTheUsersSessionsAndTheSameRoleDoesNot) {
  const UserId ada = Create("ada@example.com").id;
  const UserId bob = Create("bob@example.com").id;
  const SessionId first = BeginSession(ada);
  const SessionId second = BeginSession(ada);
  BeginSession(bob);
  const UserChange to_admin{std::nullopt, std::nullopt, Role::kAdmin};
  const auto same = users_->Update(call_, ada, {std::nullopt, "Augusta", Role::kCustomer});
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_THAT(same->ended, IsEmpty());
  const auto promoted = users_->Update(call_, ada, to_admin);
  ASSERT_TRUE(promoted.ok()) << promoted.status();
  EXPECT_EQ(promoted->user.role, Role::kAdmin);
  EXPECT_THAT(promoted->ended, UnorderedElementsAre(first, second));
  EXPECT_EQ(Ask("SELECT count(*) FROM sessions WHERE revoked_at IS NULL"), "1");
  // Until the ends are published, the same change names them again.
  EXPECT_THAT(users_->Update(call_, ada, to_admin)->ended, UnorderedElementsAre(first, second));
  Ask("UPDATE sessions SET published = true WHERE revoked_at IS NOT NULL");
  EXPECT_THAT(users_->Update(call_, ada, to_admin)->ended, IsEmpty());
  EXPECT_THAT(users_->Get(call_, ada)->role, Role::kAdmin);
  const auto absent = users_->Update(call_, UserId(4711), to_admin);
  EXPECT_TRUE(absl::IsNotFound(absent.status())) << absent.status();
}

TEST_F(UserRepositoryTest, DeletionForgetsTheStoredAnswerOfTheUsersCreationAndKeepsItsKey) {
  const UserId id = Create("ada@example.com").id;
  Ask("INSERT INTO idempotency_keys (principal, route, key, fingerprint, answer, created_id)"
      " SELECT 'lab', 'CreateUser', 'key ' || i, 'f', '{}', i FROM generate_series(" +
      std::to_string(id.value()) + ", " + std::to_string(id.value() + 1) + ") AS i");
  ASSERT_TRUE(users_->Delete(call_, id).ok());
  EXPECT_EQ(Ask("SELECT string_agg(coalesce(answer, 'none'), ' ' ORDER BY created_id)"
                " FROM idempotency_keys"),
            "none {}");
}

TEST_F(UserRepositoryTest, DeletionEndsTheUsersSessionsWhichOutliveIt) {
  const UserId ada = Create("ada@example.com").id;
  const SessionId session = BeginSession(ada);
  BeginSession(Create("bob@example.com").id);
  const auto ended = users_->Delete(call_, ada);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_THAT(*ended, ElementsAre(session));
  EXPECT_EQ(Ask("SELECT count(*) FROM sessions"), "2");
  EXPECT_EQ(Ask("SELECT count(*) FROM sessions WHERE revoked_at IS NULL"), "1");
}

TEST_F(UserRepositoryTest, ListsNewestFirstFromBelowAnId) {
  std::vector<UserId> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(Create("user" + std::to_string(i) + "@example.com").id);
  }
  const auto page = users_->List(call_, std::nullopt, 2);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->size(), 2u);
  EXPECT_EQ((*page)[0].id, ids[4]);
  const auto next = users_->List(call_, (*page)[1].id, 10);
  ASSERT_TRUE(next.ok());
  ASSERT_EQ(next->size(), 3u);
  EXPECT_EQ((*next)[2].id, ids[0]);
}

TEST_F(UserRepositoryTest, FindsManyUsersWithOneStatement) {
  const UserId ada = Create("ada@example.com").id;
  const UserId bob = Create("bob@example.com").id;
  Ask("SELECT pg_stat_statements_reset()");
  const auto found = users_->FindMany(call_, {bob, UserId(4711), ada});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->size(), 2u);
  EXPECT_EQ(Ask("SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE '%FROM users%'"), "1");
}

TEST_F(UserRepositoryTest, LoadsAThousandDemoUsersOnce) {
  const auto seeded = MakePool(Schema(), true);
  EXPECT_EQ(Ask("SELECT count(*) FROM users"), "1000");
  EXPECT_EQ(Ask("SELECT min(id) || ' ' || max(id) FROM users"), "1 1000");
  const auto again = MakePool(Schema(), true);
  EXPECT_EQ(Ask("SELECT count(*) FROM users"), "1000");
  // Ids go on after the demo's.
  EXPECT_EQ(Create("new@example.com").id.value(), 1001);
}

TEST_F(UserRepositoryTest, LoadsDemoUsersBesideThoseOfClients) {
  const UserId ada = Create("ada@example.com").id;
  const UserId taken = Create("user7@example.com").id;
  const auto seeded = MakePool(Schema(), true);
  EXPECT_EQ(Ask("SELECT count(*) FROM users WHERE id <= 1000"), "999");
  EXPECT_EQ(users_->Get(call_, ada)->email, "ada@example.com");
  EXPECT_EQ(users_->Get(call_, taken)->email, "user7@example.com");
}

TEST_F(UserRepositoryTest, LoadingTheDemoUsersAgainDoesNotMoveTheSequenceBack) {
  const auto seeded = MakePool(Schema(), true);
  const UserId last = Create("last@example.com").id;
  Ask("DELETE FROM users");
  const auto again = MakePool(Schema(), true);
  EXPECT_EQ(Ask("SELECT count(*) FROM users"), "1000");
  EXPECT_GT(Create("next@example.com").id, last);
}

}  // namespace
}  // namespace scaleout::user
