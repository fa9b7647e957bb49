#include "services/user/auth_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_revocations.h"
#include "tests/support/refused_fields.h"

namespace scaleout::user {
namespace {

using scaleout::testing::RefusedFields;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kEmail[] = "ada@example.com";
constexpr char kPassword[] = "correct horse battery";
constexpr char kSid[] = "0123456789abcdef0123456789abcdef";

class FakeCredentials final : public CredentialRepository {
 public:
  absl::StatusOr<std::optional<Credential>> Find(const CallContext&,
                                                 const std::string& email) override {
    ++finds;
    if (!failure.ok()) return failure;
    if (email != kEmail || hash.empty()) return std::nullopt;
    return Credential{UserId(7), hash};
  }
  absl::StatusOr<UserRecord> Register(const CallContext&, const NewAccount& account) override {
    if (!failure.ok()) return failure;
    registered = account;
    UserRecord user;
    user.id = UserId(7);
    user.email = account.email;
    user.name = account.name;
    return user;
  }
  absl::StatusOr<UserRecord> CreateFirstAdmin(const CallContext&, const NewAccount&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::vector<SessionId>> SetPassword(const CallContext&, const std::string&,
                                                     const std::string&) override {
    return absl::UnimplementedError("");
  }

  std::string hash;
  NewAccount registered;
  absl::Status failure;
  int finds = 0;
};

// Answers what the test says; records what it is asked.
class FakeSessions final : public SessionRepository {
 public:
  absl::StatusOr<std::optional<AccessClaims>> Begin(const CallContext&,
                                                    const NewSession& session) override {
    begun.push_back(session);
    if (!begins) return std::nullopt;
    return AccessClaims{session.id, session.user, Role::kCustomer, 1'700'000'000};
  }
  absl::StatusOr<RotatedSession> Rotate(const CallContext&, const RefreshToken& presented,
                                        const RefreshHash& next) override {
    next_hash = next;
    rotations.push_back(presented);
    return rotated;
  }
  absl::StatusOr<std::vector<SessionId>> End(const CallContext&, UserId user,
                                             const SessionId& id) override {
    if (user != UserId(7)) return absl::NotFoundError("no session");
    ended_by_logout = id;
    return std::vector<SessionId>{id};
  }
  absl::StatusOr<std::vector<LiveSession>> FindLive(const CallContext&,
                                                    const std::vector<SessionId>&) override {
    ++lookups;
    return live;
  }
  absl::StatusOr<std::vector<Revocation>> ListRevoked(const CallContext&,
                                                      const std::optional<Revocation>& after,
                                                      std::int32_t limit) override {
    std::vector<Revocation> page;
    for (const Revocation& revocation : revoked) {
      if (after && revocation.revoked_us <= after->revoked_us) continue;
      if (page.size() < static_cast<std::size_t>(limit)) page.push_back(revocation);
    }
    return page;
  }
  absl::StatusOr<std::int64_t> Purge(const CallContext&, std::int32_t) override { return 0; }

  std::vector<NewSession> begun;
  bool begins = true;
  std::vector<RefreshToken> rotations;
  RefreshHash next_hash;
  RotatedSession rotated;
  SessionId ended_by_logout;
  std::vector<LiveSession> live;
  std::vector<Revocation> revoked;
  int lookups = 0;
};

class AuthServiceTest : public ::testing::Test {
 protected:
  AuthServiceTest() { credentials_.hash = *hasher_.Hash(call_, kPassword); }

  std::uint64_t Hashes() {
    return metrics_
        ->AddHistogram("auth_hash_seconds", "Password hashes, without their wait", LatencyBounds())
        .count();
  }
  absl::Status Login(const std::string& email, const std::string& password) {
    v1::LoginRequest request;
    request.set_email(email);
    request.set_password(password);
    login_.Clear();
    return service_.Login(call_, request, login_);
  }
  absl::Status Refresh(const std::string& token) {
    v1::RefreshRequest request;
    request.set_refresh_token(token);
    return service_.Refresh(call_, request, refresh_);
  }
  absl::Status Logout(const Principal& principal, const std::string& session) {
    v1::LogoutRequest request;
    v1::LogoutResponse response;
    ToProto(principal, *request.mutable_principal());
    request.set_session_id(session);
    return service_.Logout(call_, request, response);
  }
  static void AddKey(v1::CheckSessionsRequest& request, const std::string& session, int user,
                     rpc::v1::Role role) {
    auto& key = *request.add_keys();
    key.set_session_id(session);
    key.set_user_id(user);
    key.set_role(role);
  }

  static constexpr HashCost kTiny{1, 8192};
  scaleout::testing::FakeClock clock_;
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  const CallContext call_;
  FakeCredentials credentials_;
  FakeSessions sessions_;
  scaleout::testing::FakeRevocations revocations_;
  PasswordHasher hasher_{{.cost = kTiny}, *metrics_, clock_};
  const TokenKey key_ = TokenKey::Random();
  const TokenSigner signer_{key_, "scaleout", "scaleout-api"};
  AuthService service_{credentials_, sessions_, hasher_, &signer_, revocations_};
  v1::LoginResponse login_;
  v1::RefreshResponse refresh_;
};

TEST_F(AuthServiceTest, RegistersACustomerWithAHashOfThePassword) {
  v1::RegisterRequest request;
  v1::RegisterResponse response;
  request.set_email(kEmail);
  request.set_name("Ada");
  request.set_password(kPassword);
  ASSERT_TRUE(service_.Register(call_, request, response).ok());
  EXPECT_EQ(response.user().id(), 7);
  EXPECT_EQ(response.user().role(), rpc::v1::ROLE_CUSTOMER);
  EXPECT_EQ(credentials_.registered.email, kEmail);
  EXPECT_EQ(credentials_.registered.name, "Ada");
  EXPECT_TRUE(*hasher_.Verify(call_, credentials_.registered.password_hash, kPassword));
  credentials_.failure = absl::AlreadyExistsError("taken");
  EXPECT_EQ(service_.Register(call_, request, response), credentials_.failure);
}

TEST_F(AuthServiceTest, RegistrationListsEveryRefusedFieldAndHashesNothing) {
  v1::RegisterRequest request;
  v1::RegisterResponse response;
  request.set_password("hunter2");
  const std::uint64_t before = Hashes();
  const absl::Status status = service_.Register(call_, request, response);
  EXPECT_THAT(RefusedFields(status), ElementsAre("email", "name", "password"));
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hunter2")));
  EXPECT_EQ(Hashes(), before);
}

TEST_F(AuthServiceTest, LoginBeginsASessionAndAnswersItsTokens) {
  ASSERT_TRUE(Login(kEmail, kPassword).ok());
  EXPECT_EQ(login_.user_id(), 7);
  EXPECT_EQ(login_.tokens().expires_in_seconds(), 900);
  ASSERT_THAT(sessions_.begun, SizeIs(1));
  const NewSession& session = sessions_.begun[0];
  EXPECT_EQ(session.user, UserId(7));
  EXPECT_EQ(session.password_hash, credentials_.hash);
  EXPECT_EQ(session.new_password_hash, std::nullopt);
  const auto refresh = RefreshToken::Parse(login_.tokens().refresh_token());
  ASSERT_TRUE(refresh);
  EXPECT_EQ(refresh->session, session.id);
  EXPECT_EQ(refresh->hash, session.refresh_hash);
  EXPECT_THAT(login_.tokens().access_token(), Not(IsEmpty()));
  ASSERT_TRUE(Login(kEmail, kPassword).ok());
  EXPECT_NE(sessions_.begun[1].id, session.id);
}

TEST_F(AuthServiceTest, UnknownAddressAndWrongPasswordTakeTheSameWorkAndGetTheSameAnswer) {
  std::uint64_t before = Hashes();
  const absl::Status wrong = Login(kEmail, "incorrect horse");
  EXPECT_EQ(Hashes(), before + 1);
  before = Hashes();
  const absl::Status unknown = Login("eve@example.com", kPassword);
  EXPECT_EQ(Hashes(), before + 1);
  EXPECT_TRUE(absl::IsUnauthenticated(wrong));
  EXPECT_EQ(wrong, unknown);
  EXPECT_EQ(ReasonOf(wrong), kReasonInvalidCredentials);
  EXPECT_EQ(ReasonOf(unknown), kReasonInvalidCredentials);
  EXPECT_EQ(credentials_.finds, 2);
  EXPECT_THAT(sessions_.begun, IsEmpty());
  EXPECT_FALSE(login_.has_tokens());
}

TEST_F(AuthServiceTest, PasswordThatChangedDuringTheLoginIsWrong) {
  sessions_.begins = false;
  const absl::Status status = Login(kEmail, kPassword);
  EXPECT_EQ(ReasonOf(status), kReasonInvalidCredentials);
  EXPECT_FALSE(login_.has_tokens());
}

TEST_F(AuthServiceTest, HashOfALowerCostIsReplacedAtALogin) {
  PasswordHasher costlier({.cost = {2, 8192}}, *metrics_, clock_);
  AuthService service(credentials_, sessions_, costlier, &signer_, revocations_);
  v1::LoginRequest request;
  request.set_email(kEmail);
  request.set_password(kPassword);
  ASSERT_TRUE(service.Login(call_, request, login_).ok());
  ASSERT_TRUE(sessions_.begun[0].new_password_hash);
  EXPECT_FALSE(costlier.NeedsRehash(*sessions_.begun[0].new_password_hash));
  EXPECT_TRUE(*costlier.Verify(call_, *sessions_.begun[0].new_password_hash, kPassword));
}

TEST_F(AuthServiceTest, LoginRefusesFieldsThatNoUserCanHave) {
  EXPECT_THAT(RefusedFields(Login("ada", "")), ElementsAre("email", "password"));
  EXPECT_THAT(RefusedFields(Login(kEmail, std::string(201, 'p'))), ElementsAre("password"));
  // Any that a user may have had before the rules were what they are.
  EXPECT_EQ(ReasonOf(Login(kEmail, "short")), kReasonInvalidCredentials);
}

TEST_F(AuthServiceTest, WithoutAKeyLoginsAreRefusedAndSessionsStillChecked) {
  AuthService service(credentials_, sessions_, hasher_, nullptr, revocations_);
  v1::LoginRequest login;
  login.set_email(kEmail);
  login.set_password(kPassword);
  const absl::Status status = service.Login(call_, login, login_);
  EXPECT_TRUE(absl::IsUnimplemented(status));
  EXPECT_EQ(ReasonOf(status), kReasonLoginNotConfigured);
  v1::RefreshRequest refresh;
  refresh.set_refresh_token(RefreshToken::Random(SessionId::Random()).text);
  EXPECT_EQ(ReasonOf(service.Refresh(call_, refresh, refresh_)), kReasonLoginNotConfigured);
  EXPECT_THAT(sessions_.rotations, IsEmpty());
  v1::ListRevocationsResponse revocations;
  EXPECT_TRUE(service.ListRevocations(call_, {}, revocations).ok());
}

TEST_F(AuthServiceTest, RefreshAnswersANewTokenOfTheSameSession) {
  const RefreshToken old = RefreshToken::Random(*SessionId::Parse(kSid));
  sessions_.rotated.claims = AccessClaims{old.session, UserId(7), Role::kAdmin, 1'700'000'000};
  ASSERT_TRUE(Refresh(old.text).ok());
  EXPECT_EQ(sessions_.rotations[0].hash, old.hash);
  EXPECT_EQ(refresh_.user_id(), 7);
  EXPECT_THAT(refresh_.tokens().refresh_token(), StartsWith(std::string(kSid) + "."));
  EXPECT_NE(refresh_.tokens().refresh_token(), old.text);
  EXPECT_EQ(RefreshToken::Parse(refresh_.tokens().refresh_token())->hash, sessions_.next_hash);
}

TEST_F(AuthServiceTest, ReusedRefreshTokenIsRefusedOnceTheEndOfItsSessionIsPublished) {
  const RefreshToken old = RefreshToken::Random(*SessionId::Parse(kSid));
  sessions_.rotated.ended = {old.session};
  revocations_.failure = absl::UnavailableError("redis-state is away");
  EXPECT_EQ(Refresh(old.text), revocations_.failure);
  revocations_.failure = absl::OkStatus();
  const absl::Status status = Refresh(old.text);
  EXPECT_TRUE(absl::IsUnauthenticated(status));
  EXPECT_EQ(ReasonOf(status), kReasonInvalidRefreshToken);
  EXPECT_THAT(revocations_.published, ElementsAre(old.session));
  EXPECT_FALSE(refresh_.has_tokens());
}

TEST_F(AuthServiceTest, WhatHasNotTheFormOfARefreshTokenIsNotLookedUp) {
  const std::string good = RefreshToken::Random(SessionId::Random()).text;
  for (const std::string& bad : {std::string(), std::string("nonsense"), good + "A",
                                 good.substr(1) + "A", good.substr(0, 75) + "="}) {
    EXPECT_EQ(ReasonOf(Refresh(bad)), kReasonInvalidRefreshToken) << bad;
  }
  EXPECT_THAT(sessions_.rotations, IsEmpty());
}

TEST_F(AuthServiceTest, LogoutIsAnsweredOnceItIsPublished) {
  const Principal ada{7, Role::kCustomer, false};
  revocations_.failure = absl::UnavailableError("redis-state is away");
  EXPECT_EQ(Logout(ada, kSid), revocations_.failure);
  revocations_.failure = absl::OkStatus();
  EXPECT_TRUE(Logout(ada, kSid).ok());
  EXPECT_EQ(sessions_.ended_by_logout.hex(), kSid);
  EXPECT_THAT(revocations_.published, ElementsAre(*SessionId::Parse(kSid)));
}

TEST_F(AuthServiceTest, LogoutNeedsALoginAndASessionOfItsOwn) {
  EXPECT_TRUE(absl::IsUnauthenticated(Logout({}, kSid)));
  EXPECT_TRUE(absl::IsNotFound(Logout({8, Role::kAdmin, false}, kSid)));
  EXPECT_TRUE(absl::IsNotFound(Logout(kLabPrincipal, kSid)));
  EXPECT_THAT(RefusedFields(Logout({7, Role::kCustomer, false}, "ABC")), ElementsAre("session_id"));
  EXPECT_THAT(revocations_.published, IsEmpty());
}

TEST_F(AuthServiceTest, SessionOfAnotherUserOrRoleIsNotAlive) {
  const SessionId session = *SessionId::Parse(kSid);
  sessions_.live = {{session, UserId(7), Role::kCustomer}};
  v1::CheckSessionsRequest request;
  AddKey(request, kSid, 7, rpc::v1::ROLE_CUSTOMER);
  AddKey(request, kSid, 8, rpc::v1::ROLE_CUSTOMER);
  AddKey(request, kSid, 7, rpc::v1::ROLE_ADMIN);
  AddKey(request, SessionId::Random().hex(), 7, rpc::v1::ROLE_CUSTOMER);
  AddKey(request, kSid, 7, rpc::v1::ROLE_CUSTOMER);
  v1::CheckSessionsResponse response;
  ASSERT_TRUE(service_.CheckSessions(call_, request, response).ok());
  std::vector<bool> alive;
  for (const auto& entry : response.entries()) alive.push_back(entry.alive());
  EXPECT_THAT(alive, ElementsAre(true, false, false, false, true));
  EXPECT_EQ(sessions_.lookups, 1);
}

TEST_F(AuthServiceTest, CheckOfSessionsNamesEveryRefusedField) {
  v1::CheckSessionsRequest request;
  v1::CheckSessionsResponse response;
  EXPECT_THAT(RefusedFields(service_.CheckSessions(call_, request, response)), ElementsAre("keys"));
  AddKey(request, "nonsense", 7, rpc::v1::ROLE_UNSPECIFIED);
  EXPECT_THAT(RefusedFields(service_.CheckSessions(call_, request, response)),
              ElementsAre("keys[0].session_id", "keys[0].role"));
  for (int i = 0; i < 64; ++i) AddKey(request, kSid, 7, rpc::v1::ROLE_CUSTOMER);
  EXPECT_THAT(RefusedFields(service_.CheckSessions(call_, request, response)), ElementsAre("keys"));
  EXPECT_EQ(sessions_.lookups, 0);
}

TEST_F(AuthServiceTest, ListsRevocationsAPageAtATime) {
  for (int i = 1; i <= 5; ++i) sessions_.revoked.push_back({SessionId::Random(), i});
  v1::ListRevocationsRequest request;
  request.set_page_size(2);
  std::vector<std::string> listed;
  int pages = 0;
  do {
    v1::ListRevocationsResponse response;
    ASSERT_TRUE(service_.ListRevocations(call_, request, response).ok());
    listed.insert(listed.end(), response.session_ids().begin(), response.session_ids().end());
    request.set_page_token(response.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(pages, 3);
  ASSERT_THAT(listed, SizeIs(5));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(listed[i], sessions_.revoked[i].id.hex());
}

TEST_F(AuthServiceTest, PageOfRevocationsHasAThousandByDefaultAndTenThousandAtMost) {
  for (int i = 1; i <= 10'001; ++i) sessions_.revoked.push_back({*SessionId::Parse(kSid), i});
  v1::ListRevocationsRequest request;
  for (const auto& [asked, given] : {std::pair{0, 1'000}, {20'000, 10'000}, {10'000, 10'000}}) {
    v1::ListRevocationsResponse response;
    request.set_page_size(asked);
    ASSERT_TRUE(service_.ListRevocations(call_, request, response).ok());
    EXPECT_EQ(response.session_ids_size(), given);
  }
}

TEST_F(AuthServiceTest, PageOfRevocationsThatIsNoneIsRefused) {
  v1::ListRevocationsRequest request;
  v1::ListRevocationsResponse response;
  request.set_page_size(-1);
  for (const std::string& bad :
       {std::string("nonsense"), std::string("1."), std::string(".") + kSid,
        std::string("-1.") + kSid, std::string("1x.") + kSid, std::string("1.") + kSid + "0"}) {
    request.set_page_token(bad);
    EXPECT_THAT(RefusedFields(service_.ListRevocations(call_, request, response)),
                ElementsAre("page_size", "page_token"))
        << bad;
  }
}

}  // namespace
}  // namespace scaleout::user
