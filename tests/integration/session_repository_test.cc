#include "services/user/session_repository.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "service/batch_purge.h"
#include "services/user/credential_repository.h"
#include "services/user/schema.h"
#include "services/user/user_events.h"
#include "tests/integration/pool_fixture.h"

namespace scaleout::user {
namespace {

using scaleout::testing::CallFor;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr char kHash[] = "$argon2id$hash";

class SessionRepositoryTest : public scaleout::testing::PoolFixture {
 protected:
  UserId Register(const std::string& email) {
    const auto user = credentials_->Register(call_, {email, "Ada", kHash});
    EXPECT_TRUE(user.ok()) << user.status();
    return user.ok() ? user->id : UserId();
  }
  // A login with the password that a user registers with.
  static NewSession Of(UserId user, const RefreshToken& token) {
    return {.user = user,
            .password_changes = 0,
            .new_password_hash = std::nullopt,
            .id = token.session,
            .refresh_hash = token.hash,
            .family_hash = token.family};
  }
  // The refresh token of a session that began.
  RefreshToken Begin(UserId user) {
    const RefreshToken token = RefreshToken::Random(SessionId::Random());
    const auto claims = sessions_->Begin(call_, Of(user, token));
    EXPECT_TRUE(claims.ok() && *claims) << claims.status();
    return token;
  }
  // The token that took the place of `presented`; nothing if it was refused.
  std::optional<RefreshToken> Rotate(const RefreshToken& presented) {
    const RefreshToken next = presented.Next();
    const auto rotated = sessions_->Rotate(call_, presented, next.hash);
    EXPECT_TRUE(rotated.ok()) << rotated.status();
    if (!rotated.ok()) return std::nullopt;
    ended_ = rotated->ended;
    if (!rotated->claims) return std::nullopt;
    return next;
  }
  bool IsLive(const SessionId& id) {
    const auto live = sessions_->FindLive(call_, {id});
    EXPECT_TRUE(live.ok()) << live.status();
    return live.ok() && live->size() == 1;
  }
  void Age(const SessionId& id, const std::string& column, const std::string& by) {
    Ask("UPDATE sessions SET " + column + " = " + column + " - " + by + " WHERE id = '" + id.hex() +
        "'");
  }

  const CallContext call_ = CallFor();
  const std::unique_ptr<PostgresPool> pool_ = MakePool(Schema());
  Outbox outbox_{*pool_, PublishedStreams()};
  const std::unique_ptr<UserRepository> users_ = MakeUserRepository(*pool_, outbox_);
  const std::unique_ptr<CredentialRepository> credentials_ =
      MakeCredentialRepository(*pool_, outbox_);
  const std::unique_ptr<SessionRepository> sessions_ = MakeSessionRepository(*pool_);
  std::vector<SessionId> ended_;
};

TEST_F(SessionRepositoryTest, SessionBeginsWithTheUsersRoleAndTheDatabasesTime) {
  const UserId ada = Register("ada@example.com");
  const RefreshToken token = RefreshToken::Random(SessionId::Random());
  const auto claims = sessions_->Begin(call_, Of(ada, token));
  ASSERT_TRUE(claims.ok() && *claims) << claims.status();
  EXPECT_EQ((*claims)->session, token.session);
  EXPECT_EQ((*claims)->user, ada);
  EXPECT_EQ((*claims)->role, Role::kCustomer);
  const std::int64_t now = std::stoll(Ask("SELECT floor(date_part('epoch', now()))::bigint"));
  EXPECT_LE((*claims)->issued_at, now);
  EXPECT_GT((*claims)->issued_at, now - 60);
  const auto live = sessions_->FindLive(call_, {token.session, SessionId::Random()});
  ASSERT_TRUE(live.ok()) << live.status();
  ASSERT_THAT(*live, SizeIs(1));
  EXPECT_EQ((*live)[0].user, ada);
  EXPECT_EQ((*live)[0].role, Role::kCustomer);
  EXPECT_EQ(Ask("SELECT count(*) FROM sessions WHERE expires_at - created_at = interval '30 days'"),
            "1");
}

TEST_F(SessionRepositoryTest, NoSessionBeginsWithAnotherPasswordOrWithoutTheUser) {
  const UserId ada = Register("ada@example.com");
  const RefreshToken token = RefreshToken::Random(SessionId::Random());
  ASSERT_TRUE(credentials_->SetPassword(call_, "ada@example.com", "$argon2id$new").ok());
  for (const NewSession& refused : {Of(ada, token), Of(UserId(4711), token)}) {
    const auto claims = sessions_->Begin(call_, refused);
    ASSERT_TRUE(claims.ok()) << claims.status();
    EXPECT_FALSE(*claims);
  }
  EXPECT_EQ(Ask("SELECT count(*) FROM sessions"), "0");
}

TEST_F(SessionRepositoryTest, LoginStoresTheHashThatWasMadeAnew) {
  const UserId ada = Register("ada@example.com");
  const RefreshToken token = RefreshToken::Random(SessionId::Random());
  NewSession session = Of(ada, token);
  session.new_password_hash = "$argon2id$new";
  ASSERT_TRUE(sessions_->Begin(call_, session).ok());
  EXPECT_EQ((*credentials_->Find(call_, "ada@example.com"))->password_hash, "$argon2id$new");
}

TEST_F(SessionRepositoryTest, LoginsThatMakeTheSameHashAnewAtOnceAllBegin) {
  const UserId ada = Register("ada@example.com");
  const auto found = credentials_->Find(call_, "ada@example.com");
  ASSERT_TRUE(found.ok() && *found);
  for (const char* hash : {"$argon2id$new", "$argon2id$newer"}) {
    NewSession session = Of(ada, RefreshToken::Random(SessionId::Random()));
    session.password_changes = (*found)->changes;
    session.new_password_hash = hash;
    const auto claims = sessions_->Begin(call_, session);
    EXPECT_TRUE(claims.ok() && *claims) << claims.status();
  }
  // A new password is another matter, of the same hash too.
  const auto ended = credentials_->SetPassword(call_, "ada@example.com", "$argon2id$newer");
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_THAT(*ended, SizeIs(2));
  EXPECT_FALSE(*sessions_->Begin(call_, Of(ada, RefreshToken::Random(SessionId::Random()))));
}

TEST_F(SessionRepositoryTest, LoginBeyondTheLimitEndsTheOldestSession) {
  const UserId ada = Register("ada@example.com");
  const RefreshToken oldest = Begin(ada);
  Age(oldest.session, "created_at", "interval '1 minute'");
  for (int i = 1; i < kMaxSessionsPerUser; ++i) Begin(ada);
  const RefreshToken others = Begin(Register("bob@example.com"));
  EXPECT_TRUE(IsLive(oldest.session));
  const RefreshToken newest = Begin(ada);
  EXPECT_FALSE(IsLive(oldest.session));
  EXPECT_TRUE(IsLive(newest.session));
  EXPECT_TRUE(IsLive(others.session));
  EXPECT_EQ(Ask("SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL AND NOT published"),
            "1");
}

TEST_F(SessionRepositoryTest, RefreshTokenIsGoodOnceAndTheNextOneAfterIt) {
  const RefreshToken first = Begin(Register("ada@example.com"));
  const auto second = Rotate(first);
  ASSERT_TRUE(second);
  const auto third = Rotate(*second);
  ASSERT_TRUE(third);
  EXPECT_TRUE(IsLive(first.session));
  // Two rotations ago: a reuse, however short ago.
  EXPECT_FALSE(Rotate(first));
  EXPECT_THAT(ended_, ElementsAre(first.session));
  EXPECT_FALSE(IsLive(first.session));
}

// The first attempt may have been answered 503, because redis-state was away.
TEST_F(SessionRepositoryTest, EndedSessionIsNamedAtEachUseOfItsTokensUntilItIsPublished) {
  const RefreshToken first = Begin(Register("ada@example.com"));
  const auto second = Rotate(first);
  ASSERT_TRUE(second);
  const auto third = Rotate(*second);
  ASSERT_TRUE(third);
  for (const RefreshToken& token : {first, first, *second, *third}) {
    EXPECT_FALSE(Rotate(token));
    EXPECT_THAT(ended_, ElementsAre(first.session));
  }
  Ask("UPDATE sessions SET published = true");
  EXPECT_FALSE(Rotate(first));
  EXPECT_THAT(ended_, IsEmpty());
}

// The id of a session is in each of its access tokens, and logs may have it.
TEST_F(SessionRepositoryTest, TokenThatWasNeverMadeChangesNothing) {
  const UserId ada = Register("ada@example.com");
  const RefreshToken token = Begin(ada);
  EXPECT_FALSE(Rotate(RefreshToken::Random(token.session)));
  EXPECT_THAT(ended_, IsEmpty());
  EXPECT_TRUE(IsLive(token.session));
  EXPECT_TRUE(Rotate(token));
  ASSERT_TRUE(sessions_->End(call_, ada, token.session).ok());
  EXPECT_FALSE(Rotate(RefreshToken::Random(token.session)));
  EXPECT_THAT(ended_, IsEmpty());
}

TEST_F(SessionRepositoryTest, SessionFromBeforeFamiliesHasOneFromItsNextRefreshOn) {
  const RefreshToken first = Begin(Register("ada@example.com"));
  Ask("UPDATE sessions SET family_hash = NULL");
  EXPECT_FALSE(Rotate(RefreshToken::Random(first.session)));
  const auto second = Rotate(first);
  ASSERT_TRUE(second);
  ASSERT_TRUE(Rotate(*second));
  EXPECT_FALSE(Rotate(first));
  EXPECT_THAT(ended_, ElementsAre(first.session));
}

TEST_F(SessionRepositoryTest, PreviousTokenIsGoodOnceMoreWithinTheGrace) {
  const RefreshToken first = Begin(Register("ada@example.com"));
  ASSERT_TRUE(Rotate(first));
  Age(first.session, "rotated_at", "interval '8 seconds'");
  const auto again = Rotate(first);
  ASSERT_TRUE(again);
  EXPECT_TRUE(IsLive(first.session));
  // Its use did not extend the grace of what it replaced.
  EXPECT_EQ(Ask("SELECT rotated_at < now() - interval '8 seconds' FROM sessions"), "t");
  EXPECT_FALSE(Rotate(first));
  EXPECT_THAT(ended_, ElementsAre(first.session));
  EXPECT_FALSE(Rotate(*again));
}

TEST_F(SessionRepositoryTest, PreviousTokenAfterTheGraceEndsTheSession) {
  const RefreshToken first = Begin(Register("ada@example.com"));
  const auto second = Rotate(first);
  ASSERT_TRUE(second);
  Age(first.session, "rotated_at", "interval '10 seconds'");
  EXPECT_FALSE(Rotate(first));
  EXPECT_THAT(ended_, ElementsAre(first.session));
  EXPECT_FALSE(Rotate(*second));
}

TEST_F(SessionRepositoryTest, OneOfManyRefreshesAtOnceHasTheNewestToken) {
  const RefreshToken first = Begin(Register("ada@example.com"));
  const std::function<absl::StatusOr<RotatedSession>()> rotate = [&] {
    return sessions_->Rotate(call_, first, first.Next().hash);
  };
  int accepted = 0;
  int ended = 0;
  for (const auto& rotated :
       RunBehindLock("SELECT FROM sessions FOR UPDATE", std::vector(kRacingCalls, rotate))) {
    ASSERT_TRUE(rotated.ok()) << rotated.status();
    accepted += rotated->claims ? 1 : 0;
    ended += static_cast<int>(rotated->ended.size());
  }
  // The first, and the one that the grace lets through; the third is a reuse, of which those after
  // it learn too.
  EXPECT_EQ(accepted, 2);
  EXPECT_EQ(ended, kRacingCalls - 2);
  EXPECT_FALSE(IsLive(first.session));
}

TEST_F(SessionRepositoryTest, RefreshOfAnExpiredOrUnknownSessionIsRefused) {
  const RefreshToken token = Begin(Register("ada@example.com"));
  Age(token.session, "expires_at", "interval '30 days'");
  EXPECT_FALSE(Rotate(token));
  EXPECT_FALSE(IsLive(token.session));
  EXPECT_FALSE(Rotate(RefreshToken::Random(SessionId::Random())));
  EXPECT_THAT(ended_, IsEmpty());
}

TEST_F(SessionRepositoryTest, RefreshHasTheRoleOfNow) {
  const UserId ada = Register("ada@example.com");
  const RefreshToken token = Begin(ada);
  Ask("UPDATE users SET role = 'admin'");
  const auto rotated = sessions_->Rotate(call_, token, token.Next().hash);
  ASSERT_TRUE(rotated.ok() && rotated->claims) << rotated.status();
  EXPECT_EQ(rotated->claims->role, Role::kAdmin);
  EXPECT_EQ((*sessions_->FindLive(call_, {token.session}))[0].role, Role::kAdmin);
}

TEST_F(SessionRepositoryTest, LogoutEndsTheUsersOwnSessionAndNamesItUntilItIsPublished) {
  const UserId ada = Register("ada@example.com");
  const SessionId session = Begin(ada).session;
  EXPECT_TRUE(absl::IsNotFound(sessions_->End(call_, UserId(4711), session).status()));
  EXPECT_TRUE(absl::IsNotFound(sessions_->End(call_, ada, SessionId::Random()).status()));
  EXPECT_TRUE(IsLive(session));
  EXPECT_THAT(*sessions_->End(call_, ada, session), ElementsAre(session));
  EXPECT_FALSE(IsLive(session));
  const std::string ended_at = Ask("SELECT revoked_at FROM sessions");
  EXPECT_THAT(*sessions_->End(call_, ada, session), ElementsAre(session));
  EXPECT_EQ(Ask("SELECT revoked_at FROM sessions"), ended_at);
  Ask("UPDATE sessions SET published = true");
  EXPECT_THAT(*sessions_->End(call_, ada, session), IsEmpty());
}

TEST_F(SessionRepositoryTest, SessionOfADeletedUserIsNotAliveAndStillListed) {
  const UserId ada = Register("ada@example.com");
  const RefreshToken token = Begin(ada);
  EXPECT_THAT(*users_->Delete(call_, ada), ElementsAre(token.session));
  EXPECT_FALSE(IsLive(token.session));
  EXPECT_FALSE(Rotate(token));
  EXPECT_THAT(ended_, ElementsAre(token.session));
  const auto listed = sessions_->ListRevoked(call_, std::nullopt, 10);
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_THAT(*listed, SizeIs(1));
  EXPECT_EQ((*listed)[0].id, token.session);
}

TEST_F(SessionRepositoryTest, LoginsAndAChangeOfRoleAtOnceLeaveNoSessionOfTheOldRole) {
  const UserId ada = Register("ada@example.com");
  using Claims = std::optional<AccessClaims>;
  std::vector<std::function<absl::StatusOr<Claims>()>> calls(
      kRacingCalls - 1, [&]() -> absl::StatusOr<Claims> {
        const RefreshToken token = RefreshToken::Random(SessionId::Random());
        return sessions_->Begin(call_, Of(ada, token));
      });
  calls.insert(calls.begin() + 3, [&]() -> absl::StatusOr<Claims> {
    const UserChange to_admin{std::nullopt, std::nullopt, Role::kAdmin};
    const auto changed = users_->Update(call_, ada, to_admin);
    if (!changed.ok()) return changed.status();
    return Claims();
  });
  for (const auto& claims : RunBehindLock("SELECT FROM users FOR UPDATE", calls)) {
    ASSERT_TRUE(claims.ok()) << claims.status();
    if (!*claims) continue;
    EXPECT_EQ(IsLive((*claims)->session), (*claims)->role == Role::kAdmin);
  }
}

TEST_F(SessionRepositoryTest, ListsTheEndsOfTheLastSixteenMinutesOldestFirst) {
  const UserId ada = Register("ada@example.com");
  std::vector<SessionId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(Begin(ada).session);
  Begin(ada);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(sessions_->End(call_, ada, ids[i]).ok());
    // The last of them is out of the window, and two ended at the same moment.
    const int minutes = i == 3 ? 16 : i == 2 ? 1 : 5;
    Ask("UPDATE sessions SET revoked_at = date_trunc('second', now()) - interval '" +
        std::to_string(minutes) + " minutes' WHERE id = '" + ids[i].hex() + "'");
  }
  const auto first = sessions_->ListRevoked(call_, std::nullopt, 1);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_THAT(*first, SizeIs(1));
  const auto rest = sessions_->ListRevoked(call_, (*first)[0], 10);
  ASSERT_TRUE(rest.ok()) << rest.status();
  ASSERT_THAT(*rest, SizeIs(2));
  EXPECT_THAT((std::vector{(*first)[0].id, (*rest)[0].id}), UnorderedElementsAre(ids[0], ids[1]));
  EXPECT_EQ((*rest)[1].id, ids[2]);
}

TEST_F(SessionRepositoryTest, PurgeDeletesWhatEndedOrExpiredMoreThanADayAgo) {
  const UserId ada = Register("ada@example.com");
  std::vector<SessionId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(Begin(ada).session);
  for (const int i : {0, 1}) ASSERT_TRUE(sessions_->End(call_, ada, ids[i]).ok());
  Age(ids[0], "revoked_at", "interval '25 hours'");
  Age(ids[1], "revoked_at", "interval '23 hours'");
  Age(ids[2], "expires_at", "interval '31 days 1 hour'");
  Age(ids[3], "expires_at", "interval '30 days 1 hour'");
  const auto purge_sessions = [this](const CallContext& call, std::int32_t most) {
    return sessions_->Purge(call, most);
  };
  BatchPurge purge({"purge", "deleting sessions", purge_sessions}, *logger_, SystemClock());
  ASSERT_TRUE(purge.Round().ok());
  EXPECT_EQ(Ask("SELECT count(*) FROM sessions"), "3");
  EXPECT_EQ(Ask("SELECT count(*) FROM sessions WHERE id IN ('" + ids[0].hex() + "', '" +
                ids[2].hex() + "')"),
            "0");
}

TEST_F(SessionRepositoryTest, PurgeGoesInBatches) {
  const UserId ada = Register("ada@example.com");
  for (int i = 0; i < 5; ++i) Begin(ada);
  Ask("UPDATE sessions SET expires_at = now() - interval '2 days'");
  EXPECT_EQ(*sessions_->Purge(call_, 3), 3);
  EXPECT_EQ(*sessions_->Purge(call_, 3), 2);
  EXPECT_EQ(*sessions_->Purge(call_, 3), 0);
}

}  // namespace
}  // namespace scaleout::user
