#include "services/user/auth_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "tests/services/user/auth_fixture.h"
#include "tests/support/refused_fields.h"

namespace scaleout::user {
namespace {

using scaleout::testing::RefusedFields;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class AuthServiceTest : public AuthFixture {};

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
  EXPECT_TRUE(Matches(hasher_, credentials_.registered.password_hash));
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
  const NewSession session = sessions_.begun[0];
  EXPECT_EQ(session.user, UserId(7));
  EXPECT_EQ(session.password_changes, 3);
  EXPECT_EQ(session.new_password_hash, std::nullopt);
  const auto refresh = RefreshToken::Parse(login_.tokens().refresh_token());
  ASSERT_TRUE(refresh);
  EXPECT_EQ(refresh->session, session.id);
  EXPECT_EQ(refresh->hash, session.refresh_hash);
  EXPECT_EQ(refresh->family, session.family_hash);
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

TEST_F(AuthServiceTest, LoginWithoutAPlaceForItsHashDoesNotAskTheDatabase) {
  std::vector<PasswordHasher::Place> places = TakePlaces();
  EXPECT_EQ(ReasonOf(Login(kEmail, kPassword)), kReasonOverloaded);
  EXPECT_EQ(credentials_.finds, 0);
  // Its place is taken while it asks.
  places.pop_back();
  bool was_free = true;
  credentials_.on_find = [&] {
    was_free = hasher_.Reserve(call_).ok();
    places.clear();
  };
  EXPECT_TRUE(Login(kEmail, kPassword).ok());
  EXPECT_FALSE(was_free);
  // And given back where the database is away.
  const std::size_t before = TakePlaces().size();
  credentials_.failure = absl::UnavailableError("away");
  EXPECT_EQ(Login(kEmail, kPassword), credentials_.failure);
  EXPECT_EQ(TakePlaces().size(), before);
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
  EXPECT_TRUE(Matches(costlier, *sessions_.begun[0].new_password_hash));
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

}  // namespace
}  // namespace scaleout::user
