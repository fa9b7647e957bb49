#include "gateway/json/query_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gateway/http/problem.h"
#include "proto/scaleout/rpc/v1/request_limits.h"
#include "tests/support/request_fixture.h"

namespace scaleout::gateway {
namespace {

using ::testing::ElementsAre;
using testing::TestRequest;

std::vector<std::string> Refused(QueryReader& query) {
  const absl::Status status = query.Check();
  EXPECT_EQ(HttpStatusOf(status), status.ok() ? 200 : 422);
  std::vector<std::string> pointers;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    pointers.push_back(violation.field);
  }
  return pointers;
}

TEST(QueryReader, ReadsPageSizes) {
  const std::vector<std::pair<std::string, std::int32_t>> cases = {
      {"1", 1},   {"100", 100}, {"0", rpc::v1::kDefaultPageSize},
      {"007", 7}, {"101", 100}, {"99999999999999999999999", 100}};
  for (const auto& [text, size] : cases) {
    TestRequest request;
    request.Query("page_size", text);
    QueryReader query(request);
    EXPECT_EQ(query.PageSize(), size) << text;
    EXPECT_THAT(Refused(query), ElementsAre()) << text;
  }
  const TestRequest request;
  QueryReader query(request);
  EXPECT_EQ(query.PageSize(), rpc::v1::kDefaultPageSize);
}

TEST(QueryReader, RefusesPageSizesThatAreNegativeOrNoNumbers) {
  for (const char* bad : {"-1", "-0", "", "ten", "1.5", "+5", " 5", "5 ", "0x10"}) {
    TestRequest request;
    request.Query("page_size", bad);
    QueryReader query(request);
    EXPECT_EQ(query.PageSize(), rpc::v1::kDefaultPageSize) << bad;
    EXPECT_THAT(Refused(query), ElementsAre("/page_size")) << bad;
  }
}

TEST(QueryReader, ReadsPageTokens) {
  TestRequest request;
  request.Query("page_token", "b3JkZXI6Nw==");
  QueryReader query(request);
  EXPECT_EQ(query.PageToken(), "b3JkZXI6Nw==");
  EXPECT_THAT(Refused(query), ElementsAre());
}

TEST(QueryReader, TakesAnEmptyPageTokenAsTheFirstPage) {
  TestRequest request;
  request.Query("page_token", "");
  QueryReader query(request);
  EXPECT_EQ(query.PageToken(), "");
  EXPECT_THAT(Refused(query), ElementsAre());
}

TEST(QueryReader, RefusesPageTokensThatNoListGives) {
  for (const std::string& bad : {std::string("a b"), std::string("t\xc3\xb6ken"),
                                 std::string(rpc::v1::kMaxPageTokenBytes + 1, 'x')}) {
    TestRequest request;
    request.Query("page_token", bad);
    QueryReader query(request);
    EXPECT_EQ(query.PageToken(), "");
    EXPECT_THAT(Refused(query), ElementsAre("/page_token")) << bad;
  }
}

TEST(QueryReader, ReadsIds) {
  TestRequest request;
  request.Path("id", "9007199254740991").Query("user_id", "7");
  QueryReader query(request);
  EXPECT_EQ(query.PathId("id"), 9007199254740991);
  EXPECT_EQ(query.OptionalId("user_id"), 7);
  EXPECT_EQ(query.OptionalId("order_id"), 0);
  EXPECT_THAT(Refused(query), ElementsAre());
}

TEST(QueryReader, RefusesIdsThatAreOutOfRangeOrNoNumbers) {
  for (const char* bad : {"0", "-7", "9007199254740992", "99999999999999999999", "seven", "7a", "",
                          "1.0", "+1", " 1"}) {
    TestRequest request;
    request.Path("id", bad).Query("user_id", bad);
    QueryReader query(request);
    EXPECT_EQ(query.PathId("id"), 0) << bad;
    EXPECT_EQ(query.OptionalId("user_id"), 0) << bad;
    EXPECT_THAT(Refused(query), ElementsAre("/id", "/user_id")) << bad;
  }
}

TEST(QueryReader, ReadsIntegersAndChoices) {
  TestRequest request;
  request.Query("ms", "50").Query("mode", "offload");
  QueryReader query(request);
  EXPECT_EQ(query.Integer("ms", 3000, 1, 10000), 50);
  EXPECT_EQ(query.Integer("other", 3000, 1, 10000), 3000);
  EXPECT_EQ(query.OneOf("mode", {"block", "offload"}), "offload");
  EXPECT_EQ(query.OneOf("colour", {"red", "blue"}), "red");
  EXPECT_THAT(Refused(query), ElementsAre());
}

TEST(QueryReader, RefusesOtherIntegersAndChoices) {
  TestRequest request;
  request.Query("ms", "10001").Query("mode", "BLOCK");
  QueryReader query(request);
  EXPECT_EQ(query.Integer("ms", 3000, 1, 10000), 3000);
  EXPECT_EQ(query.OneOf("mode", {"block", "offload"}), "block");
  EXPECT_THAT(Refused(query), ElementsAre("/ms", "/mode"));
}

TEST(QueryReader, RefusesEachUnknownParameterOnce) {
  TestRequest request;
  request.Query("page_size", "5").Query("limit", "5").Query("limit", "6").Query("a/b", "");
  QueryReader query(request);
  query.PageSize();
  EXPECT_THAT(Refused(query), ElementsAre("/limit", "/a~1b"));
}

TEST(QueryReader, GivesItsViolationsForAnAnswerThatListsTheBodysToo) {
  TestRequest request;
  request.Path("id", "0").Query("limit", "5");
  QueryReader query(request);
  query.PathId("id");
  EXPECT_THAT(query.TakeViolations(),
              ElementsAre(FieldViolation("/id", *rpc::v1::FindIdViolation(0)),
                          FieldViolation("/limit", "is not a parameter of this request")));
}

TEST(QueryReader, RefusesParametersThatAreGivenTwice) {
  TestRequest request;
  request.Query("page_size", "5").Query("page_size", "6").Query("page_size", "7");
  QueryReader query(request);
  query.PageSize();
  EXPECT_THAT(Refused(query), ElementsAre("/page_size"));
}

}  // namespace
}  // namespace scaleout::gateway
