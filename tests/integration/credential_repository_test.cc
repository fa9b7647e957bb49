#include "services/user/credential_repository.h"

#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "services/user/schema.h"
#include "services/user/user_events.h"
#include "services/user/user_verbs.h"
#include "tests/integration/pool_fixture.h"

namespace scaleout::user {
namespace {

using scaleout::testing::CallFor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kEmail[] = "ada@example.com";
constexpr char kPassword[] = "correct horse battery";

class CredentialRepositoryTest : public scaleout::testing::PoolFixture {
 protected:
  CredentialRepositoryTest() { config_.hasher.cost = {1, 8192}; }

  // Of a verb: what it printed, or its status.
  absl::Status RunVerb(const std::string& name, const VerbValues& values,
                       const std::string& password) {
    const std::vector<ServiceVerb> verbs = UserVerbs(config_);
    std::istringstream in(password + "\n");
    std::ostringstream out;
    const absl::Status status = FindVerb(verbs, name)->run({values, in, out, pool_.get()});
    printed_ = out.str();
    return status;
  }
  absl::Status CreateAdmin(const std::string& email, const std::string& password = kPassword) {
    return RunVerb("--create-admin", {{"email", email}, {"name", "Ada"}}, password);
  }
  bool HasPassword(const std::string& email, const std::string& password) {
    const auto found = credentials_->Find(call_, email);
    if (!found.ok() || !*found) return false;
    PasswordHasher hasher(config_.hasher, *metrics_, SystemClock());
    return *hasher.Verify(*hasher.Reserve(call_), call_, (*found)->password_hash, password);
  }

  const CallContext call_ = CallFor();
  AuthConfig config_;
  std::string printed_;
  const std::unique_ptr<PostgresPool> pool_ = MakePool(Schema());
  Outbox outbox_{*pool_, PublishedStreams()};
  const std::unique_ptr<CredentialRepository> credentials_ =
      MakeCredentialRepository(*pool_, outbox_);
};

TEST_F(CredentialRepositoryTest, RegistersACustomerWhoIsFoundInAnyCase) {
  const auto user = credentials_->Register(call_, {kEmail, "Ada", "$argon2id$hash"});
  ASSERT_TRUE(user.ok()) << user.status();
  EXPECT_EQ(user->role, Role::kCustomer);
  EXPECT_EQ(user->name, "Ada");
  const auto found = credentials_->Find(call_, "ADA@example.com");
  ASSERT_TRUE(found.ok() && *found) << found.status();
  EXPECT_EQ((*found)->user, user->id);
  EXPECT_EQ((*found)->password_hash, "$argon2id$hash");
  EXPECT_EQ(OutboxEvents(), "user.changed " + std::to_string(user->id.value()));
}

TEST_F(CredentialRepositoryTest, AddressThatIsTakenIsNotRegisteredAgain) {
  ASSERT_TRUE(credentials_->Register(call_, {kEmail, "Ada", "$argon2id$hash"}).ok());
  const auto again = credentials_->Register(call_, {"Ada@Example.com", "Eve", "$argon2id$other"});
  EXPECT_TRUE(absl::IsAlreadyExists(again.status())) << again.status();
  EXPECT_EQ((*credentials_->Find(call_, kEmail))->password_hash, "$argon2id$hash");
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox"), "1");
}

TEST_F(CredentialRepositoryTest, UserWithoutAPasswordIsNotFound) {
  Ask("INSERT INTO users (email, name) VALUES ('demo@example.com', 'Demo')");
  EXPECT_FALSE(*credentials_->Find(call_, "demo@example.com"));
  EXPECT_FALSE(*credentials_->Find(call_, "absent@example.com"));
}

TEST_F(CredentialRepositoryTest, CredentialGoesWithItsUser) {
  const auto user = credentials_->Register(call_, {kEmail, "Ada", "$argon2id$hash"});
  ASSERT_TRUE(user.ok());
  Ask("DELETE FROM users");
  EXPECT_EQ(Ask("SELECT count(*) FROM credentials"), "0");
}

TEST_F(CredentialRepositoryTest, NewPasswordEndsTheSessions) {
  ASSERT_TRUE(credentials_->Register(call_, {kEmail, "Ada", "$argon2id$hash"}).ok());
  const SessionId session = SessionId::Random();
  Ask("INSERT INTO sessions (id, user_id, refresh_hash, expires_at) SELECT '" + session.hex() +
      "', id, decode(repeat('00', 32), 'hex'), now() + interval '30 days' FROM users");
  const auto ended = credentials_->SetPassword(call_, "ADA@example.com", "$argon2id$new");
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_THAT(*ended, ElementsAre(session));
  EXPECT_EQ((*credentials_->Find(call_, kEmail))->password_hash, "$argon2id$new");
  EXPECT_TRUE(absl::IsNotFound(
      credentials_->SetPassword(call_, "absent@example.com", "$argon2id$new").status()));
}

TEST_F(CredentialRepositoryTest, VerbMakesTheFirstAdminOnce) {
  ASSERT_TRUE(CreateAdmin(kEmail).ok());
  EXPECT_THAT(printed_, HasSubstr("is the admin"));
  EXPECT_TRUE(HasPassword(kEmail, kPassword));
  EXPECT_EQ(Ask("SELECT role FROM users"), "admin");
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox"), "1");
  EXPECT_TRUE(absl::IsFailedPrecondition(CreateAdmin("eve@example.com")));
  EXPECT_EQ(Ask("SELECT count(*) FROM users"), "1");
}

TEST_F(CredentialRepositoryTest, OneOfManyFirstAdminsIsMade) {
  std::vector<std::function<absl::StatusOr<UserRecord>()>> calls;
  for (int i = 0; i < kRacingCalls; ++i) {
    calls.emplace_back([this, i] {
      return credentials_->CreateFirstAdmin(
          call_, {"admin" + std::to_string(i) + "@example.com", "Ada", "$argon2id$hash"});
    });
  }
  int made = 0;
  for (const auto& admin : RunBehindLock("SELECT pg_advisory_xact_lock(4713001)", calls)) {
    made += admin.ok() ? 1 : 0;
    EXPECT_TRUE(admin.ok() || absl::IsFailedPrecondition(admin.status())) << admin.status();
  }
  EXPECT_EQ(made, 1);
  EXPECT_EQ(Ask("SELECT count(*) FROM users"), "1");
}

TEST_F(CredentialRepositoryTest, VerbSetsThePasswordOfAUserWhoHadNone) {
  Ask("INSERT INTO users (email, name) VALUES ('demo@example.com', 'Demo')");
  const VerbValues values = {{"email", "demo@example.com"}};
  ASSERT_TRUE(RunVerb("--set-password", values, kPassword).ok());
  EXPECT_TRUE(HasPassword("demo@example.com", kPassword));
  EXPECT_EQ(printed_, "the password is set\n");
  Ask("INSERT INTO sessions (id, user_id, refresh_hash, expires_at) SELECT gen_random_uuid(), id,"
      " decode(repeat('00', 32), 'hex'), now() + interval '30 days' FROM users");
  ASSERT_TRUE(RunVerb("--set-password", values, "another password").ok());
  EXPECT_THAT(printed_,
              HasSubstr("sessions that have ended: 1; gateways refuse their tokens once"));
  EXPECT_FALSE(HasPassword("demo@example.com", kPassword));
  EXPECT_TRUE(
      absl::IsNotFound(RunVerb("--set-password", {{"email", "no@example.com"}}, kPassword)));
}

TEST_F(CredentialRepositoryTest, VerbsRefusePasswordsThatBreakTheRulesAndShowThemNowhere) {
  for (const std::string& bad :
       {std::string(), std::string("hunter2"), std::string("hunter2\x01hunter2"),
        std::string("hunter2hunter2\xff")}) {
    const absl::Status status = CreateAdmin(kEmail, bad);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hunter")));
    EXPECT_THAT(printed_, IsEmpty());
  }
  EXPECT_TRUE(absl::IsInvalidArgument(CreateAdmin("no address")));
  EXPECT_EQ(Ask("SELECT count(*) FROM users"), "0");
}

}  // namespace
}  // namespace scaleout::user
