#include "services/user/user_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "common/status.h"
#include "proto/scaleout/user/v1/user_limits.h"
#include "tests/support/fake_idempotent_writes.h"
#include "tests/support/fake_revocations.h"
#include "tests/support/principals.h"
#include "tests/support/refused_fields.h"

namespace scaleout::user {
namespace {

using scaleout::testing::By;
using scaleout::testing::ByLab;
using scaleout::testing::Customer;
using scaleout::testing::RefusedFields;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Users in memory; records the last request.
class FakeUsers final : public UserRepository {
 public:
  absl::StatusOr<UserRecord> Create(PostgresSession&, const NewUser& user) override {
    created = user;
    if (!failure.ok()) return failure;
    return Add(user.email, user.name);
  }
  absl::StatusOr<UserRecord> Get(const CallContext&, UserId id) override {
    const auto found = std::ranges::find(users, id, &UserRecord::id);
    if (found == users.end()) return absl::NotFoundError("no user");
    return *found;
  }
  absl::StatusOr<std::vector<UserRecord>> FindMany(const CallContext&,
                                                   const std::vector<UserId>& ids) override {
    ++batches;
    std::vector<UserRecord> found;
    for (const UserRecord& user : users) {
      if (std::ranges::count(ids, user.id) != 0) found.push_back(user);
    }
    return found;
  }
  absl::StatusOr<std::vector<UserRecord>> List(const CallContext&, std::optional<UserId> before,
                                               int limit) override {
    std::vector<UserRecord> result;
    for (auto user = users.rbegin(); user != users.rend(); ++user) {
      if (before && user->id >= *before) continue;
      if (static_cast<int>(result.size()) < limit) result.push_back(*user);
    }
    return result;
  }
  absl::StatusOr<ChangedUser> Update(const CallContext& call, UserId id,
                                     const UserChange& wanted) override {
    change = wanted;
    const absl::StatusOr<UserRecord> user = Get(call, id);
    if (!user.ok()) return user.status();
    return ChangedUser{*user, ended};
  }
  absl::StatusOr<std::vector<SessionId>> Delete(const CallContext& call, UserId id) override {
    const absl::StatusOr<UserRecord> user = Get(call, id);
    if (!user.ok()) return user.status();
    return ended;
  }

  UserRecord Add(const std::string& email = "ada@example.com", const std::string& name = "Ada") {
    UserRecord user;
    user.id = UserId(static_cast<std::int64_t>(users.size()) + 1);
    user.email = email;
    user.name = name;
    user.created_at = WallTime(std::chrono::milliseconds(1'700'000'000'250));
    user.updated_at = user.created_at;
    users.push_back(user);
    return user;
  }

  std::vector<UserRecord> users;
  NewUser created;
  UserChange change;
  absl::Status failure;
  std::vector<SessionId> ended;  // by the next change or deletion
  int batches = 0;
};

class UserServiceTest : public ::testing::Test {
 protected:
  absl::Status Create(const std::string& email, const std::string& name,
                      const std::string& key = "") {
    v1::CreateUserRequest request;
    request.set_email(email);
    request.set_name(name);
    request.set_idempotency_key(key);
    return service_.CreateUser(call_, ByLab(request), created_);
  }

  FakeUsers users_;
  scaleout::testing::FakeRevocations revocations_;
  scaleout::testing::FakeIdempotentWrites writes_;
  UserService service_{users_, writes_, revocations_};
  const CallContext call_;
  v1::CreateUserResponse created_;
};

TEST_F(UserServiceTest, CreatesWhatIsAskedFor) {
  ASSERT_TRUE(Create("ada@example.com", "Ada", "key").ok());
  EXPECT_EQ(writes_.key.principal, kLabPrincipal);
  EXPECT_EQ(writes_.key.route, kCreateUserRoute);
  EXPECT_EQ(writes_.key.key, "key");
  EXPECT_EQ(writes_.created_id, created_.user().id());
  EXPECT_EQ(created_.user().email(), "ada@example.com");
  EXPECT_EQ(created_.user().role(), rpc::v1::ROLE_CUSTOMER);
  EXPECT_EQ(created_.user().created_at().seconds(), 1'700'000'000);
  EXPECT_EQ(created_.user().created_at().nanos(), 250'000'000);
  EXPECT_FALSE(created_.replayed());
}

TEST_F(UserServiceTest, AnswersARepeatedKeyAsTheFirstTime) {
  ASSERT_TRUE(Create("ada@example.com", "Ada", "key").ok());
  const std::int64_t first = created_.user().id();
  ASSERT_TRUE(Create("ada@example.com", "Ada", "key").ok());
  EXPECT_TRUE(created_.replayed());
  EXPECT_EQ(created_.user().id(), first);
  EXPECT_EQ(created_.user().email(), "ada@example.com");
  EXPECT_EQ(users_.users.size(), 1u);
  for (const auto& [email, name] :
       {std::pair("eve@example.com", "Ada"), {"ada@example.com", "A"}}) {
    EXPECT_EQ(ReasonOf(Create(email, name, "key")), "IDEMPOTENCY_KEY_REUSED");
  }
  EXPECT_EQ(created_.user().id(), first);
}

TEST_F(UserServiceTest, ListsEveryRefusedFieldAtOnce) {
  EXPECT_THAT(RefusedFields(Create("", "", std::string(201, 'k'))),
              ElementsAre("email", "name", "idempotency_key"));
}

TEST_F(UserServiceTest, RefusesWhatCannotBeAnAddress) {
  for (const char* email :
       {"ada", "@example.com", "ada@", "a@b@c", "a@@b", "ada lovelace@example.com"}) {
    EXPECT_THAT(RefusedFields(Create(email, "Ada")), ElementsAre("email")) << email;
  }
  EXPECT_THAT(RefusedFields(Create("a@" + std::string(253, 'b'), "Ada")), ElementsAre("email"));
  EXPECT_THAT(RefusedFields(Create("a\n@example.com", "Ada")), ElementsAre("email"));
  EXPECT_TRUE(Create("a@b", "Ada").ok());
}

TEST_F(UserServiceTest, CountsCharactersAndNotBytes) {
  std::string name;
  for (int i = 0; i < 100; ++i) name += "é";
  EXPECT_TRUE(Create("ada@example.com", name).ok());
  EXPECT_THAT(RefusedFields(Create("ada@example.com", name + "é")), ElementsAre("name"));
  EXPECT_THAT(RefusedFields(Create("ada@example.com", std::string("a\0b", 3))),
              ElementsAre("name"));
}

TEST_F(UserServiceTest, ChecksEveryFieldAtTheLimitsOfTheContract) {
  const std::string email = "a@" + std::string(v1::kMaxEmailCharacters - 2, 'b');
  const std::string name(v1::kMaxNameCharacters, 'A');
  const std::string key(rpc::v1::kMaxIdempotencyKeyCharacters, 'k');
  EXPECT_TRUE(Create("a@b", "A", "k").ok());
  EXPECT_TRUE(Create(email, name, key).ok());
  EXPECT_THAT(RefusedFields(Create(email + "b", name + "A", key + "k")),
              ElementsAre("email", "name", "idempotency_key"));
  EXPECT_THAT(RefusedFields(Create("@b", "A\tB", "clé")),
              ElementsAre("email", "name", "idempotency_key"));
}

TEST_F(UserServiceTest, ReturnsTheRepositorysErrors) {
  users_.failure = absl::AlreadyExistsError("taken");
  EXPECT_EQ(Create("ada@example.com", "Ada"), users_.failure);
}

TEST_F(UserServiceTest, ReadsAndDeletesByValidIdsOnly) {
  const std::int64_t id = users_.Add().id.value();
  v1::GetUserRequest get;
  v1::GetUserResponse got;
  v1::DeleteUserRequest remove;
  v1::DeleteUserResponse removed;
  for (const std::int64_t bad : {std::int64_t{0}, std::int64_t{-5}, kMaxId + 1}) {
    get.set_user_id(bad);
    EXPECT_THAT(RefusedFields(service_.GetUser(call_, ByLab(get), got)), ElementsAre("user_id"));
    remove.set_user_id(bad);
    EXPECT_THAT(RefusedFields(service_.DeleteUser(call_, ByLab(remove), removed)),
                ElementsAre("user_id"));
  }
  get.set_user_id(id);
  EXPECT_TRUE(service_.GetUser(call_, ByLab(get), got).ok());
  EXPECT_EQ(got.user().name(), "Ada");
  remove.set_user_id(id);
  EXPECT_TRUE(service_.DeleteUser(call_, ByLab(remove), removed).ok());
  get.set_user_id(kMaxId);
  EXPECT_TRUE(absl::IsNotFound(service_.GetUser(call_, ByLab(get), got)));
}

TEST_F(UserServiceTest, ChangesOnlyFieldsThatArePresentAndChecksThose) {
  v1::UpdateUserRequest request;
  v1::UpdateUserResponse response;
  request.set_user_id(users_.Add().id.value());
  ASSERT_TRUE(service_.UpdateUser(call_, ByLab(request), response).ok());
  EXPECT_EQ(users_.change.email, std::nullopt);
  EXPECT_EQ(users_.change.name, std::nullopt);
  request.set_name("Augusta");
  ASSERT_TRUE(service_.UpdateUser(call_, ByLab(request), response).ok());
  EXPECT_EQ(users_.change.name, "Augusta");
  request.set_email("");
  request.set_name("");
  EXPECT_THAT(RefusedFields(service_.UpdateUser(call_, ByLab(request), response)),
              ElementsAre("email", "name"));
}

TEST_F(UserServiceTest, AnswersAChangeOfRoleOnceTheEndOfTheSessionsIsPublished) {
  v1::UpdateUserRequest request;
  v1::UpdateUserResponse response;
  request.set_user_id(users_.Add().id.value());
  request.set_role(rpc::v1::ROLE_ADMIN);
  ToProto(Principal{9, Role::kAdmin, false}, *request.mutable_principal());
  users_.ended = {SessionId::Random(), SessionId::Random()};
  revocations_.failure = absl::UnavailableError("redis-state is away");
  EXPECT_EQ(service_.UpdateUser(call_, request, response), revocations_.failure);
  EXPECT_FALSE(response.has_user());
  EXPECT_EQ(users_.change.role, Role::kAdmin);
  revocations_.failure = absl::OkStatus();
  ASSERT_TRUE(service_.UpdateUser(call_, request, response).ok());
  EXPECT_EQ(revocations_.published, users_.ended);
}

TEST_F(UserServiceTest, OnlyAnAdminMayChangeARole) {
  v1::UpdateUserRequest request;
  v1::UpdateUserResponse response;
  request.set_user_id(users_.Add().id.value());
  ToProto(Principal{request.user_id(), Role::kCustomer, false}, *request.mutable_principal());
  request.set_role(rpc::v1::ROLE_ADMIN);
  EXPECT_TRUE(absl::IsPermissionDenied(service_.UpdateUser(call_, request, response)));
  EXPECT_EQ(users_.change.role, std::nullopt);
  request.set_role(rpc::v1::ROLE_UNSPECIFIED);
  EXPECT_THAT(RefusedFields(service_.UpdateUser(call_, request, response)), ElementsAre("role"));
}

TEST_F(UserServiceTest, AnswersADeletionOnceTheEndOfTheSessionsIsPublished) {
  v1::DeleteUserRequest request;
  v1::DeleteUserResponse response;
  request.set_user_id(users_.Add().id.value());
  users_.ended = {SessionId::Random()};
  revocations_.failure = absl::UnavailableError("redis-state is away");
  EXPECT_EQ(service_.DeleteUser(call_, ByLab(request), response), revocations_.failure);
  revocations_.failure = absl::OkStatus();
  ASSERT_TRUE(service_.DeleteUser(call_, ByLab(request), response).ok());
  EXPECT_EQ(revocations_.published, users_.ended);
}

TEST_F(UserServiceTest, AnswersABatchInTheOrderOfItsKeysWithAnErrorForEachAbsentUser) {
  users_.Add("ada@example.com");
  users_.Add("bob@example.com");
  v1::BatchGetUsersRequest request;
  for (const int id : {2, 9, 1, 2}) request.add_keys()->set_user_id(id);
  v1::BatchGetUsersResponse response;
  ASSERT_TRUE(service_.BatchGetUsers(call_, ByLab(request), response).ok());
  EXPECT_EQ(users_.batches, 1);
  ASSERT_EQ(response.entries_size(), 4);
  EXPECT_EQ(response.entries(0).user().email(), "bob@example.com");
  EXPECT_EQ(response.entries(3).user().email(), "bob@example.com");
  EXPECT_EQ(response.entries(1).error().code(), static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_EQ(response.entries(1).error().message(), "there is no user 9");
  EXPECT_EQ(response.entries(2).user().id(), 1);
  request.add_keys();
  EXPECT_THAT(RefusedFields(service_.BatchGetUsers(call_, ByLab(request), response)),
              ElementsAre("keys[4].user_id"));
}

TEST_F(UserServiceTest, PagesNewestFirstWithTwentyByDefaultAndAHundredAtMost) {
  for (int i = 0; i < 150; ++i) users_.Add();
  v1::ListUsersRequest request;
  v1::ListUsersResponse response;
  ASSERT_TRUE(service_.ListUsers(call_, request, response).ok());
  EXPECT_EQ(response.users_size(), 20);
  EXPECT_EQ(response.users(0).id(), 150);
  response.Clear();
  request.set_page_size(1000);
  ASSERT_TRUE(service_.ListUsers(call_, request, response).ok());
  EXPECT_EQ(response.users_size(), 100);
  request.set_page_token(response.next_page_token());
  response.Clear();
  ASSERT_TRUE(service_.ListUsers(call_, request, response).ok());
  EXPECT_EQ(response.users_size(), 50);
  EXPECT_THAT(response.next_page_token(), IsEmpty());
  request.set_page_size(-1);
  EXPECT_THAT(RefusedFields(service_.ListUsers(call_, request, response)),
              ElementsAre("page_size"));
}

TEST_F(UserServiceTest, RefusesEveryRequestWithoutAPrincipalButLists) {
  v1::GetUserResponse got;
  EXPECT_TRUE(absl::IsUnauthenticated(service_.CreateUser(call_, {}, created_)));
  EXPECT_TRUE(absl::IsUnauthenticated(service_.GetUser(call_, {}, got)));
  v1::UpdateUserResponse updated;
  EXPECT_TRUE(absl::IsUnauthenticated(service_.UpdateUser(call_, {}, updated)));
  v1::DeleteUserResponse deleted;
  EXPECT_TRUE(absl::IsUnauthenticated(service_.DeleteUser(call_, {}, deleted)));
  v1::ListUsersResponse listed;
  EXPECT_TRUE(service_.ListUsers(call_, {}, listed).ok());
}

TEST_F(UserServiceTest, OnlyAnAdminCreatesUsers) {
  v1::CreateUserRequest request;
  request.set_email("ada@example.com");
  request.set_name("Ada");
  EXPECT_TRUE(
      absl::IsPermissionDenied(service_.CreateUser(call_, By(Customer(1), request), created_)));
  EXPECT_TRUE(users_.users.empty());
  EXPECT_TRUE(service_.CreateUser(call_, By(scaleout::testing::Admin(1), request), created_).ok());
}

TEST_F(UserServiceTest, ACustomerFindsChangesAndDeletesItselfOnly) {
  users_.Add();
  users_.Add();
  const absl::Status none = absl::NotFoundError("there is no user 1");
  v1::GetUserRequest get;
  get.set_user_id(1);
  v1::GetUserResponse got;
  EXPECT_EQ(service_.GetUser(call_, By(Customer(2), get), got), none);
  EXPECT_FALSE(got.has_user());
  EXPECT_TRUE(service_.GetUser(call_, By(Customer(1), get), got).ok());
  v1::UpdateUserRequest update;
  update.set_user_id(1);
  update.set_name("Eve");
  v1::UpdateUserResponse updated;
  EXPECT_EQ(service_.UpdateUser(call_, By(Customer(2), update), updated), none);
  EXPECT_EQ(users_.change.name, std::nullopt);
  EXPECT_TRUE(service_.UpdateUser(call_, By(Customer(1), update), updated).ok());
  v1::DeleteUserRequest remove;
  remove.set_user_id(1);
  v1::DeleteUserResponse removed;
  EXPECT_EQ(service_.DeleteUser(call_, By(Customer(2), remove), removed), none);
  EXPECT_TRUE(service_.DeleteUser(call_, By(Customer(1), remove), removed).ok());
}

TEST_F(UserServiceTest, AnswersEachKeyOfABatchForItsPrincipal) {
  users_.Add();
  v1::BatchGetUsersRequest request;
  for (const Principal& reader : {Customer(2), Customer(1), kLabPrincipal, Principal{}}) {
    request.add_keys()->set_user_id(1);
    ToProto(reader, *request.mutable_keys()->rbegin()->mutable_principal());
  }
  v1::BatchGetUsersResponse response;
  ASSERT_TRUE(service_.BatchGetUsers(call_, request, response).ok());
  EXPECT_EQ(response.entries(0).error().message(), "there is no user 1");
  EXPECT_EQ(response.entries(1).user().id(), 1);
  EXPECT_EQ(response.entries(2).user().id(), 1);
  EXPECT_EQ(response.entries(3).error().code(),
            static_cast<int>(absl::StatusCode::kUnauthenticated));
}

}  // namespace
}  // namespace scaleout::user
