#include "service/batch_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "proto/scaleout/rpc/v1/request_limits.h"
#include "scaleout/user/v1/user.pb.h"
#include "service/typed_id.h"
#include "tests/support/principals.h"
#include "tests/support/refused_fields.h"

namespace scaleout {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using UserId = TypedId<struct UserIdTag>;
using Key = user::v1::BatchGetUsersRequest::Key;
using Response = user::v1::BatchGetUsersResponse;

struct Row {
  UserId id;
  std::string name;
};

BatchKeys<UserId> Parse(const std::vector<std::int64_t>& ids, FieldChecks& checks) {
  user::v1::BatchGetUsersRequest request;
  for (const std::int64_t id : ids) request.add_keys()->set_user_id(id);
  return BatchKeys<UserId>(scaleout::testing::ByLab(request).keys(), &Key::user_id, "user_id",
                           checks);
}

// Keys of ids with their principals.
BatchKeys<UserId> KeysBy(const std::vector<std::pair<std::int64_t, Principal>>& keys,
                         KeyedBy keyed_by) {
  user::v1::BatchGetUsersRequest request;
  for (const auto& [id, principal] : keys) {
    Key& key = *request.add_keys();
    key.set_user_id(id);
    ToProto(principal, *key.mutable_principal());
  }
  FieldChecks checks;
  return BatchKeys<UserId>(request.keys(), &Key::user_id, "user_id", checks, keyed_by);
}

BatchKeys<UserId> ValidKeys(const std::vector<std::int64_t>& ids) {
  FieldChecks checks;
  const BatchKeys<UserId> keys = Parse(ids, checks);
  EXPECT_TRUE(checks.ok());
  return keys;
}

// The names in the entries; of an error its message.
std::vector<std::string> Outcomes(const Response& response) {
  std::vector<std::string> outcomes;
  for (const Response::Entry& entry : response.entries()) {
    outcomes.push_back(entry.has_error() ? entry.error().message() : entry.user().name());
  }
  return outcomes;
}

TEST(BatchKeys, NameEachIdOnceInTheOrderOfTheFirstKeys) {
  EXPECT_THAT(ValidKeys({7, 9, 7, 1, 9, 7}).ids(), ElementsAre(UserId(7), UserId(9), UserId(1)));
}

TEST(BatchKeys, AskOnceForEachIdAndOwner) {
  using scaleout::testing::Admin;
  using scaleout::testing::Customer;
  const BatchKeys<UserId> keys = KeysBy({{1, Customer(7)},
                                         {1, Customer(8)},
                                         {1, Admin(7)},
                                         {1, kLabPrincipal},
                                         {1, Customer(7)},
                                         {2, Principal{}}},
                                        KeyedBy::kThing);
  using Wanted = OwnedId<UserId>;
  EXPECT_THAT(keys.owned_ids(),
              ElementsAre(Wanted{UserId(1), Owner::User(7)}, Wanted{UserId(1), Owner::User(8)},
                          Wanted{UserId(1), Owner::Anyone()}));
  Response response;
  keys.Answer(response, [](std::size_t slot, Response::Entry& entry) {
    entry.mutable_user()->set_name(std::to_string(slot));
  });
  EXPECT_THAT(Outcomes(response),
              ElementsAre("0", "1", "2", "2", "0", "the request has no principal"));
}

TEST(BatchKeys, OfOwnersAreRefusedToOthersAndAskedForOnce) {
  using scaleout::testing::Customer;
  const BatchKeys<UserId> keys = KeysBy(
      {{7, Customer(8)}, {7, Customer(7)}, {7, kLabPrincipal}, {7, Principal{}}}, KeyedBy::kOwner);
  EXPECT_THAT(keys.ids(), ElementsAre(UserId(7)));
  std::vector<Row> rows = {{UserId(7), "seven"}};
  EXPECT_THAT(keys.FindEach(rows, &Row::id), ElementsAre(&rows[0]));
  Response response;
  keys.Answer(response,
              [](std::size_t, Response::Entry& entry) { entry.mutable_user()->set_name("seven"); });
  EXPECT_THAT(Outcomes(response),
              ElementsAre("there is no user 7", "seven", "seven", "the request has no principal"));
}

TEST(BatchKeys, RefuseInvalidKeysBesideWhatWasRefusedBefore) {
  FieldChecks checks;
  checks.Id("before", 0);
  EXPECT_THAT(ValidKeys({1}).ids(), ElementsAre(UserId(1)));
  EXPECT_THAT(Parse({1}, checks).ids(), ElementsAre(UserId(1)));
  EXPECT_THAT(Parse({1, -1}, checks).ids(), IsEmpty());
  EXPECT_THAT(Parse({}, checks).ids(), IsEmpty());
  EXPECT_THAT(scaleout::testing::RefusedFields(checks.Check()),
              ElementsAre("before", "keys[1].user_id", "keys"));
}

TEST(BatchKeys, FindTheValueOfEachIdWhateverTheOrderOfTheValues) {
  std::vector<Row> rows = {{UserId(1), "one"}, {UserId(8), "not asked for"}, {UserId(7), "seven"}};
  EXPECT_THAT(ValidKeys({7, 9, 7, 1}).FindEach(rows, &Row::id),
              ElementsAre(&rows[2], nullptr, &rows[0]));
}

TEST(BatchKeys, AnswerEveryKeyInItsPlaceAndFillEachIdOnce) {
  std::vector<std::size_t> filled;
  Response response;
  ValidKeys({7, 9, 7, 1, 9}).Answer(response, [&](std::size_t slot, Response::Entry& entry) {
    filled.push_back(slot);
    if (slot == 1) return BatchAnswer::Fail(entry, absl::NotFoundError("no 9"));
    entry.mutable_user()->set_name(slot == 0 ? "seven" : "one");
  });
  EXPECT_THAT(filled, ElementsAre(0u, 1u, 2u));
  EXPECT_THAT(Outcomes(response), ElementsAre("seven", "no 9", "seven", "one", "no 9"));
  EXPECT_EQ(response.entries(4).error().code(), static_cast<int>(absl::StatusCode::kNotFound));
}

TEST(BatchKeys, BoundTheAnswerWithItsRepeatedEntries) {
  const std::vector<std::int64_t> same(rpc::v1::kMaxBatchKeys, 7);
  Response response;
  int fills = 0;
  ValidKeys(same).Answer(response, [&](std::size_t, Response::Entry& entry) {
    ++fills;
    entry.mutable_user()->set_name(std::string(1 << 20, 'n'));
  });
  EXPECT_EQ(fills, 1);
  ASSERT_EQ(response.entries_size(), static_cast<int>(rpc::v1::kMaxBatchKeys));
  EXPECT_TRUE(response.entries(0).has_user());
  EXPECT_EQ(response.entries(1).SerializeAsString(), response.entries(0).SerializeAsString());
  EXPECT_EQ(response.entries(2).error().reason(), rpc::v1::kEntryTooLarge);
  EXPECT_LE(response.ByteSizeLong(), rpc::v1::kMaxBatchAnswerBytes);
}

TEST(BatchKeys, SetRoomAsideForAnErrorInPlaceOfEveryEntryOfARepeatedKey) {
  Response response;
  ValidKeys(std::vector<std::int64_t>(rpc::v1::kMaxBatchKeys, 7))
      .Answer(response, [](std::size_t, Response::Entry& entry) {
        entry.mutable_user()->set_name(std::string(rpc::v1::kMaxBatchAnswerBytes - 200, 'n'));
      });
  EXPECT_LE(response.ByteSizeLong(), rpc::v1::kMaxBatchAnswerBytes);
}

TEST(BatchKeys, DoNotRefuseAgainWhatIsAnErrorAlready) {
  // The first entry leaves room for errors only.
  Response response;
  ValidKeys({1, 2}).Answer(response, [&](std::size_t slot, Response::Entry& entry) {
    if (slot == 1) return BatchAnswer::Fail(entry, absl::NotFoundError("no 2"));
    entry.mutable_user()->set_name(std::string(rpc::v1::kMaxBatchAnswerBytes - 275, 'n'));
  });
  EXPECT_TRUE(response.entries(0).has_user());
  EXPECT_EQ(response.entries(1).error().message(), "no 2");
}

TEST(TakeGroup, TakesTheRowsOfOneKeyFromTheFront) {
  const std::vector<Row> rows = {
      {UserId(7), "a"}, {UserId(7), "b"}, {UserId(9), "c"}, {UserId(1), "d"}};
  std::span<const Row> rest = rows;
  EXPECT_EQ(TakeGroup(rest, &Row::id, UserId(7)).size(), 2u);
  EXPECT_THAT(TakeGroup(rest, &Row::id, UserId(8)), IsEmpty());
  const std::span<const Row> third = TakeGroup(rest, &Row::id, UserId(9));
  ASSERT_EQ(third.size(), 1u);
  EXPECT_EQ(third[0].name, "c");
  EXPECT_EQ(TakeGroup(rest, &Row::id, UserId(1)).size(), 1u);
  EXPECT_THAT(TakeGroup(rest, &Row::id, UserId(1)), IsEmpty());
}

}  // namespace
}  // namespace scaleout
