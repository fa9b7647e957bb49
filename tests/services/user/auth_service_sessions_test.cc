#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "services/user/auth_service.h"
#include "tests/services/user/auth_fixture.h"
#include "tests/support/refused_fields.h"

namespace scaleout::user {
namespace {

using scaleout::testing::RefusedFields;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class AuthServiceSessionsTest : public AuthFixture {};

TEST_F(AuthServiceSessionsTest, RefreshAnswersANewTokenOfTheSameSession) {
  const RefreshToken old = RefreshToken::Random(*SessionId::Parse(kSid));
  sessions_.rotated.claims = AccessClaims{old.session, UserId(7), Role::kAdmin, 1'700'000'000};
  ASSERT_TRUE(Refresh(old.text).ok());
  EXPECT_EQ(sessions_.rotations[0].hash, old.hash);
  EXPECT_EQ(refresh_.user_id(), 7);
  EXPECT_THAT(refresh_.tokens().refresh_token(), StartsWith(std::string(kSid) + "."));
  EXPECT_NE(refresh_.tokens().refresh_token(), old.text);
  const auto next = RefreshToken::Parse(refresh_.tokens().refresh_token());
  ASSERT_TRUE(next);
  EXPECT_EQ(next->hash, sessions_.next_hash);
  EXPECT_EQ(next->family, old.family);
}

TEST_F(AuthServiceSessionsTest, ReusedRefreshTokenIsRefusedOnceTheEndOfItsSessionIsPublished) {
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

TEST_F(AuthServiceSessionsTest, WhatHasNotTheFormOfARefreshTokenIsNotLookedUp) {
  const std::string good = RefreshToken::Random(SessionId::Random()).text;
  for (const std::string& bad : {std::string(), std::string("nonsense"), good + "A",
                                 good.substr(1) + "A", good.substr(0, 75) + "="}) {
    EXPECT_EQ(ReasonOf(Refresh(bad)), kReasonInvalidRefreshToken) << bad;
  }
  EXPECT_THAT(sessions_.rotations, IsEmpty());
}

TEST_F(AuthServiceSessionsTest, LogoutIsAnsweredOnceItIsPublished) {
  const Principal ada{7, Role::kCustomer, false};
  revocations_.failure = absl::UnavailableError("redis-state is away");
  EXPECT_EQ(Logout(ada, kSid), revocations_.failure);
  revocations_.failure = absl::OkStatus();
  EXPECT_TRUE(Logout(ada, kSid).ok());
  EXPECT_EQ(sessions_.ended_by_logout.hex(), kSid);
  EXPECT_THAT(revocations_.published, ElementsAre(*SessionId::Parse(kSid)));
}

TEST_F(AuthServiceSessionsTest, LogoutNeedsALoginAndASessionOfItsOwn) {
  EXPECT_TRUE(absl::IsUnauthenticated(Logout({}, kSid)));
  EXPECT_TRUE(absl::IsNotFound(Logout({8, Role::kAdmin, false}, kSid)));
  EXPECT_TRUE(absl::IsNotFound(Logout(kLabPrincipal, kSid)));
  EXPECT_THAT(RefusedFields(Logout({7, Role::kCustomer, false}, "ABC")), ElementsAre("session_id"));
  EXPECT_THAT(revocations_.published, IsEmpty());
}

TEST_F(AuthServiceSessionsTest, SessionOfAnotherUserOrRoleIsNotAlive) {
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

TEST_F(AuthServiceSessionsTest, CheckOfSessionsNamesEveryRefusedField) {
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

TEST_F(AuthServiceSessionsTest, ListsRevocationsAPageAtATime) {
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

TEST_F(AuthServiceSessionsTest, PageOfRevocationsHasAThousandByDefaultAndTenThousandAtMost) {
  for (int i = 1; i <= 10'001; ++i) sessions_.revoked.push_back({*SessionId::Parse(kSid), i});
  v1::ListRevocationsRequest request;
  for (const auto& [asked, given] : {std::pair{0, 1'000}, {20'000, 10'000}, {10'000, 10'000}}) {
    v1::ListRevocationsResponse response;
    request.set_page_size(asked);
    ASSERT_TRUE(service_.ListRevocations(call_, request, response).ok());
    EXPECT_EQ(response.session_ids_size(), given);
  }
}

TEST_F(AuthServiceSessionsTest, PageOfRevocationsThatIsNoneIsRefused) {
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
