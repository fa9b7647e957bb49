#include "gateway/handlers/user_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/status.h"
#include "gateway/http/problem.h"
#include "proto/scaleout/user/v1/user_limits.h"
#include "tests/support/fake_backends.h"
#include "tests/support/fake_login_rate_limit.h"
#include "tests/support/refused_fields.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::RefusedFields;
using testing::RunningTask;
using testing::TestRequest;
using Answer = absl::StatusOr<Response>;

user::v1::User Anna() {
  user::v1::User user;
  user.set_id(7);
  user.set_email("anna@example.com");
  user.set_name("Anna");
  return user;
}

constexpr char kAnna[] =
    R"({"id":7,"email":"anna@example.com","name":"Anna","role":"customer",)"
    R"("createdAt":"1970-01-01T00:00:00Z","updatedAt":"1970-01-01T00:00:00Z"})";

class UserHandlersTest : public ::testing::Test {
 protected:
  using Verb = Task<Answer> (UserHandlers::*)(RequestContext&, const Request&);

  Answer Ask(Verb verb, const TestRequest& request) {
    RunningTask<Answer> running((handlers_.*verb)(fixture_.context, request));
    return running.value();
  }

  testing::RequestFixture fixture_;
  testing::FakeUserBackend backend_;
  testing::FakeLoginRateLimit rates_;
  UserHandlers handlers_{backend_, rates_};
};

TEST_F(UserHandlersTest, GetsAUser) {
  user::v1::GetUserResponse found;
  *found.mutable_user() = Anna();
  backend_.get_user.Answers(found);
  TestRequest request;
  request.Path("id", "7");
  const Answer answer = Ask(&UserHandlers::Get, request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->content_type, "application/json");
  EXPECT_EQ(answer->body, kAnna);
  EXPECT_EQ(backend_.get_user.asked().at(0).user_id(), 7);
}

TEST_F(UserHandlersTest, ListsProfilesWithoutAddresses) {
  user::v1::ListUsersResponse page;
  *page.add_users() = Anna();
  page.set_next_page_token("next");
  backend_.list_users.Answers(page);
  TestRequest request;
  request.Query("page_size", "500").Query("page_token", "here");
  const Answer answer = Ask(&UserHandlers::List, request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->body, R"({"items":[{"id":7,"name":"Anna","createdAt":"1970-01-01T00:00:00Z"}],)"
                          R"("nextPageToken":"next"})");
  EXPECT_EQ(backend_.list_users.asked().at(0).page_size(), 100);
  EXPECT_EQ(backend_.list_users.asked().at(0).page_token(), "here");
}

TEST_F(UserHandlersTest, CreatesAUserAndSaysWhere) {
  user::v1::CreateUserResponse created;
  *created.mutable_user() = Anna();
  backend_.create_user.Answers(created);
  TestRequest request;
  request.Json(R"({"email":"anna@example.com","name":"Anna"})");
  const Answer answer = Ask(&UserHandlers::Create, request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->body, kAnna);
  EXPECT_THAT(answer->headers, ::testing::ElementsAre(Pair("Location", "/api/users/7")));
  EXPECT_EQ(backend_.create_user.asked().at(0).email(), "anna@example.com");
  EXPECT_EQ(backend_.create_user.asked().at(0).name(), "Anna");
  EXPECT_EQ(backend_.create_user.asked().at(0).idempotency_key(), "");
}

TEST_F(UserHandlersTest, SaysWhenACreationIsAReplay) {
  user::v1::CreateUserResponse created;
  *created.mutable_user() = Anna();
  created.set_replayed(true);
  backend_.create_user.Answers(created);
  TestRequest request;
  request.Header("Idempotency-Key", "k1").Json(R"({"email":"anna@example.com","name":"Anna"})");
  const Answer answer = Ask(&UserHandlers::Create, request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 201);
  EXPECT_THAT(answer->headers, Contains(Pair("Idempotent-Replayed", "true")));
  EXPECT_EQ(backend_.create_user.asked().at(0).idempotency_key(), "k1");
}

TEST_F(UserHandlersTest, ChangesOnlyWhatIsPresent) {
  user::v1::UpdateUserResponse updated;
  *updated.mutable_user() = Anna();
  backend_.update_user.Answers(updated);
  TestRequest request;
  request.Path("id", "7").Json(R"({"name":"Anna"})");
  const Answer answer = Ask(&UserHandlers::Update, request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, kAnna);
  const user::v1::UpdateUserRequest& asked = backend_.update_user.asked().at(0);
  EXPECT_EQ(asked.user_id(), 7);
  EXPECT_TRUE(asked.has_name());
  EXPECT_FALSE(asked.has_email());
  EXPECT_FALSE(asked.has_role());
}

TEST_F(UserHandlersTest, ChangesBothFields) {
  backend_.update_user.Answers(user::v1::UpdateUserResponse());
  TestRequest request;
  request.Path("id", "7").Json(R"({"name":"Anna","email":"a@example.com"})");
  ASSERT_TRUE(Ask(&UserHandlers::Update, request).ok());
  EXPECT_EQ(backend_.update_user.asked().at(0).email(), "a@example.com");
  EXPECT_EQ(backend_.update_user.asked().at(0).name(), "Anna");
}

TEST_F(UserHandlersTest, CountsChangesOfAnEmailAddressAndNoOthers) {
  backend_.update_user.Answers(user::v1::UpdateUserResponse());
  TestRequest name;
  name.Path("id", "7").Json(R"({"name":"Anna"})");
  ASSERT_TRUE(Ask(&UserHandlers::Update, name).ok());
  EXPECT_EQ(rates_.email_changes, 0);
  TestRequest email;
  email.Path("id", "7").Json(R"({"email":"a@example.com"})");
  ASSERT_TRUE(Ask(&UserHandlers::Update, email).ok());
  EXPECT_EQ(rates_.email_changes, 1);
  rates_.status = absl::ResourceExhaustedError("");
  EXPECT_EQ(Ask(&UserHandlers::Update, email).status(), rates_.status);
  EXPECT_EQ(backend_.update_user.asked().size(), 2U) << "the refused one was not asked";
  EXPECT_TRUE(Ask(&UserHandlers::Update, name).ok());
}

TEST_F(UserHandlersTest, ChangesTheRoleForAnAdminAlone) {
  backend_.update_user.Answers(user::v1::UpdateUserResponse());
  TestRequest request;
  request.Path("id", "7").Json(R"({"role":"admin"})");
  for (const Principal& principal : {Principal(), Principal{7, Role::kCustomer, false}}) {
    fixture_.context.principal = principal;
    const Response refused = RenderProblem(Ask(&UserHandlers::Update, request).status(), "/", "r");
    EXPECT_EQ(refused.status, 403);
    EXPECT_THAT(refused.body, ::testing::HasSubstr("/problems/forbidden"));
  }
  EXPECT_THAT(backend_.update_user.asked(), IsEmpty());
  fixture_.context.principal = {1, Role::kAdmin, false};
  ASSERT_TRUE(Ask(&UserHandlers::Update, request).ok());
  EXPECT_EQ(backend_.update_user.asked().at(0).role(), rpc::v1::ROLE_ADMIN);
  TestRequest lowered;
  lowered.Path("id", "7").Json(R"({"role":"customer"})");
  ASSERT_TRUE(Ask(&UserHandlers::Update, lowered).ok());
  EXPECT_EQ(backend_.update_user.asked().at(1).role(), rpc::v1::ROLE_CUSTOMER);
  for (const char* role : {R"("")", R"("root")", R"("none")", "1", "null"}) {
    TestRequest wrong;
    wrong.Path("id", "7").Json(R"({"role":)" + std::string(role) + "}");
    EXPECT_THAT(RefusedFields(Ask(&UserHandlers::Update, wrong).status()), ElementsAre("/role"))
        << role;
  }
}

TEST_F(UserHandlersTest, DeletesAUserWithoutABody) {
  backend_.delete_user.Answers(user::v1::DeleteUserResponse());
  TestRequest request;
  request.Path("id", "7");
  const Answer answer = Ask(&UserHandlers::Delete, request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 204);
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(answer->content_type, "");
  EXPECT_EQ(backend_.delete_user.asked().at(0).user_id(), 7);
}

TEST_F(UserHandlersTest, AsksNothingOfTheBackendForABadRequest) {
  TestRequest bad_id;
  bad_id.Path("id", "zero").Query("x", "1").Json("{}");
  for (const Verb verb : {&UserHandlers::Get, &UserHandlers::Update, &UserHandlers::Delete}) {
    EXPECT_EQ(HttpStatusOf(Ask(verb, bad_id).status()), 422);
  }
  TestRequest bad_page;
  bad_page.Query("page_size", "-1").Query("page_token", " ").Query("limit", "5");
  EXPECT_EQ(FieldViolationsOf(Ask(&UserHandlers::List, bad_page).status()).size(), 3U);

  TestRequest bad_body;
  bad_body.Path("id", "7").Json(R"({"email":"","name":5})");
  EXPECT_EQ(FieldViolationsOf(Ask(&UserHandlers::Create, bad_body).status()).size(), 2U);
  EXPECT_EQ(FieldViolationsOf(Ask(&UserHandlers::Update, bad_body).status()).size(), 2U);

  TestRequest bad_query;
  bad_query.Query("x", "1").Json(R"({"email":"a@example.com","name":"A"})");
  EXPECT_EQ(HttpStatusOf(Ask(&UserHandlers::Create, bad_query).status()), 422);

  TestRequest bad_key;
  bad_key.Header("Idempotency-Key", "").Json(R"({"email":"a@example.com","name":"A"})");
  EXPECT_EQ(HttpStatusOf(Ask(&UserHandlers::Create, bad_key).status()), 400);

  EXPECT_TRUE(backend_.get_user.asked().empty());
  EXPECT_TRUE(backend_.list_users.asked().empty());
  EXPECT_TRUE(backend_.create_user.asked().empty());
  EXPECT_TRUE(backend_.update_user.asked().empty());
  EXPECT_TRUE(backend_.delete_user.asked().empty());
}

TEST_F(UserHandlersTest, ListsAnAddressThatIsNoneBesideEveryOtherMistake) {
  TestRequest request;
  request.Path("id", "7").Json(R"({"email":"x","name":""})");
  for (const Verb verb : {&UserHandlers::Create, &UserHandlers::Update}) {
    const absl::Status status = Ask(verb, request).status();
    EXPECT_EQ(HttpStatusOf(status), 422);
    EXPECT_THAT(FieldViolationsOf(status),
                ElementsAre(FieldViolation("/email", *user::v1::FindEmailViolation("x")),
                            FieldViolation("/name", *user::v1::FindNameViolation(""))));
  }
  EXPECT_TRUE(backend_.create_user.asked().empty());
  EXPECT_TRUE(backend_.update_user.asked().empty());
}

TEST_F(UserHandlersTest, ChecksAddressAndNameAtTheLimitsOfTheContract) {
  backend_.create_user.Answers(user::v1::CreateUserResponse());
  const auto create = [this](const std::string& email, const std::string& name) {
    TestRequest request;
    request.Json(R"({"email":")" + email + R"(","name":")" + name + R"("})");
    return RefusedFields(Ask(&UserHandlers::Create, request).status());
  };
  const std::string longest = "a@" + std::string(user::v1::kMaxEmailCharacters - 2, 'b');
  EXPECT_THAT(create("a@b", "A"), IsEmpty());
  EXPECT_THAT(create(longest, std::string(user::v1::kMaxNameCharacters, 'A')), IsEmpty());
  EXPECT_EQ(backend_.create_user.asked().size(), 2U);
  for (const std::string& email : {longest + "b", std::string("@b"), std::string("ada"),
                                   std::string("a b@c"), std::string("a@b@c")}) {
    EXPECT_THAT(create(email, "A"), ElementsAre("/email")) << email;
  }
  for (const std::string& name :
       {std::string(user::v1::kMaxNameCharacters + 1, 'A'), std::string("A\\tB")}) {
    EXPECT_THAT(create("a@b", name), ElementsAre("/name")) << name;
  }
  EXPECT_EQ(backend_.create_user.asked().size(), 2U);
}

TEST_F(UserHandlersTest, ListsParametersAndBodyInOneAnswer) {
  TestRequest request;
  request.Path("id", "0").Query("x", "1").Json(R"({"email":"x"})");
  EXPECT_THAT(RefusedFields(Ask(&UserHandlers::Update, request).status()),
              ElementsAre("/id", "/x", "/email"));
}

TEST_F(UserHandlersTest, NamesTheFieldsThatTheServiceRefusesAsTheClientDoes) {
  const absl::Status refused =
      CheckFields({{"user_id", "a"}, {"email", "b"}, {"idempotency_key", "c"}});
  backend_.create_user.Answers(refused);
  backend_.update_user.Answers(refused);
  backend_.get_user.Answers(CheckFields({{"user_id", "a"}}));
  backend_.delete_user.Answers(CheckFields({{"user_id", "a"}}));
  backend_.list_users.Answers(CheckFields({{"page_size", "a"}, {"page_token", "b"}}));
  TestRequest request;
  request.Path("id", "7").Json(R"({"email":"a@example.com","name":"A"})");
  EXPECT_THAT(RefusedFields(Ask(&UserHandlers::Create, request).status()),
              ElementsAre("/userId", "/email", "/headers/Idempotency-Key"));
  EXPECT_THAT(RefusedFields(Ask(&UserHandlers::Update, request).status()),
              ElementsAre("/id", "/email", "/headers/Idempotency-Key"));
  EXPECT_THAT(RefusedFields(Ask(&UserHandlers::Get, request).status()), ElementsAre("/id"));
  EXPECT_THAT(RefusedFields(Ask(&UserHandlers::Delete, request).status()), ElementsAre("/id"));
  EXPECT_THAT(RefusedFields(Ask(&UserHandlers::List, request).status()),
              ElementsAre("/page_size", "/page_token"));
}

TEST_F(UserHandlersTest, ForwardsTheBackendsErrors) {
  const absl::Status gone = absl::NotFoundError("There is no user 7.");
  backend_.get_user.Answers(gone);
  backend_.list_users.Answers(gone);
  backend_.create_user.Answers(gone);
  backend_.update_user.Answers(gone);
  backend_.delete_user.Answers(gone);
  TestRequest request;
  request.Path("id", "7").Json(R"({"email":"a@example.com","name":"A"})");
  for (const Verb verb : {&UserHandlers::Get, &UserHandlers::List, &UserHandlers::Create,
                          &UserHandlers::Update, &UserHandlers::Delete}) {
    EXPECT_EQ(Ask(verb, request).status(), gone);
  }
}

TEST_F(UserHandlersTest, WaitsForTheBackendWithoutBlocking) {
  backend_.get_user.Holds();
  TestRequest request;
  request.Path("id", "7");
  RunningTask<Answer> running(handlers_.Get(fixture_.context, request));
  EXPECT_FALSE(running.done());
  backend_.get_user.Release(user::v1::GetUserResponse());
  EXPECT_FALSE(running.done());
  fixture_.loop.Run();
  EXPECT_TRUE(running.done());
}

TEST_F(UserHandlersTest, EndsWhenTheClientGoes) {
  backend_.get_user.Holds();
  TestRequest request;
  request.Path("id", "7");
  RunningTask<Answer> running(handlers_.Get(fixture_.context, request));
  fixture_.context.cancellation.Cancel();
  fixture_.loop.Run();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.value().status().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace scaleout::gateway
