#include "gateway/json/json_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "gateway/http/problem.h"
#include "proto/scaleout/rpc/v1/request_limits.h"
#include "proto/scaleout/user/v1/user_limits.h"
#include "tests/support/request_fixture.h"

namespace scaleout::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TestRequest;
using ::testing::UnorderedElementsAre;

// A body with every kind of field, read as a handler reads one.
struct Read {
  explicit Read(const Request& request) {
    JsonBody body(request);
    id = body.root().Id("id");
    count = body.root().Integer("count", -5, 5);
    name = body.root().String(
        "name", [](std::string_view text) { return rpc::v1::FindTextViolation(text, 1, 4); });
    note = body.root().OptionalString(
        "note", [](std::string_view text) { return rpc::v1::FindTextViolation(text, 0, 4); });
    bonus = body.root().OptionalInteger("bonus", 1, 3);
    body.root().Objects("items", 1, 2,
                        [this](JsonFields& item) { item_ids.push_back(item.Id("id")); });
    status = body.Check();
  }

  std::int64_t id;
  std::int64_t count;
  std::string name;
  std::optional<std::string> note;
  std::optional<std::int64_t> bonus;
  std::vector<std::int64_t> item_ids;
  absl::Status status;
};

constexpr char kValid[] =
    R"({"id":7,"count":-5,"name":"Anna","note":"","bonus":3,"items":[{"id":1},{"id":2}]})";

std::vector<std::string> PointersOf(const absl::Status& status) {
  std::vector<std::string> pointers;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    pointers.push_back(violation.field);
  }
  return pointers;
}

std::vector<std::string> PointersFor(std::string json) {
  TestRequest request;
  request.Json(std::move(json));
  const Read read(request);
  EXPECT_EQ(HttpStatusOf(read.status), read.status.ok() ? 200 : 422) << read.status;
  return PointersOf(read.status);
}

TEST(JsonBody, ReadsValidFields) {
  TestRequest request;
  request.Json(kValid);
  const Read read(request);
  ASSERT_TRUE(read.status.ok()) << read.status;
  EXPECT_EQ(read.id, 7);
  EXPECT_EQ(read.count, -5);
  EXPECT_EQ(read.name, "Anna");
  EXPECT_EQ(read.note, "");
  EXPECT_EQ(read.bonus, 3);
  EXPECT_THAT(read.item_ids, ElementsAre(1, 2));
}

TEST(JsonBody, LetsAnOptionalFieldBeAbsent) {
  TestRequest request;
  request.Json(R"({"id":7,"count":0,"name":"Anna","items":[{"id":1}]})");
  const Read read(request);
  ASSERT_TRUE(read.status.ok());
  EXPECT_EQ(read.note, std::nullopt);
  EXPECT_EQ(read.bonus, std::nullopt);
}

TEST(JsonBody, ChecksAnOptionalNumberThatIsThere) {
  for (const char* bad : {"null", "0", "4", "1.0", "\"1\""}) {
    EXPECT_THAT(PointersFor(std::string(R"({"id":7,"count":0,"name":"Anna","bonus":)") + bad +
                            R"(,"items":[{"id":1}]})"),
                ElementsAre("/bonus"))
        << bad;
  }
}

TEST(JsonBody, ListsAllInvalidFieldsAtOnce) {
  EXPECT_THAT(PointersFor(R"({"id":0,"count":"1","name":7,"note":null,"more":1,
                             "items":[{"id":1.5},{"id":2,"x/y~z":0}]})"),
              UnorderedElementsAre("/id", "/count", "/name", "/note", "/more", "/items/0/id",
                                   "/items/1/x~1y~0z"));
}

TEST(JsonBody, ListsEveryMissingField) {
  EXPECT_THAT(PointersFor("{}"), UnorderedElementsAre("/id", "/count", "/name", "/items"));
}

TEST(JsonBody, RefusesWhatIsNoIntegerInRange) {
  for (const char* bad : {"0", "-1", "1.5", "1.0", "1e2", "9007199254740992",
                          "99999999999999999999999999", "\"7\"", "true", "null", "[7]", "{}"}) {
    EXPECT_THAT(PointersFor(std::string(R"({"id":)") + bad +
                            R"(,"count":0,"name":"Anna","items":[{"id":1}]})"),
                ElementsAre("/id"))
        << bad;
  }
  EXPECT_THAT(PointersFor(R"({"id":9007199254740991,"count":0,"name":"A","items":[{"id":1}]})"),
              ElementsAre());
  EXPECT_THAT(PointersFor(R"({"id":1,"count":6,"name":"A","items":[{"id":1}]})"),
              ElementsAre("/count"));
}

TEST(JsonBody, CountsCharactersAndNotBytes) {
  EXPECT_THAT(PointersFor(R"({"id":1,"count":0,"name":"äöü€","items":[{"id":1}]})"), ElementsAre());
  for (const char* bad : {"", "Annas", "äöü€x"}) {
    EXPECT_THAT(PointersFor(std::string(R"({"id":1,"count":0,"name":")") + bad +
                            R"(","items":[{"id":1}]})"),
                ElementsAre("/name"))
        << bad;
  }
}

TEST(JsonBody, RefusesNulInAString) {
  EXPECT_THAT(PointersFor(R"({"id":1,"count":0,"name":"a\u0000b","items":[{"id":1}]})"),
              ElementsAre("/name"));
  EXPECT_THAT(PointersFor(R"({"id":1,"count":0,"name":"a\tb","items":[{"id":1}]})"),
              ElementsAre("/name"));
}

TEST(JsonBody, AnswersAFieldsRuleInItsOwnWords) {
  TestRequest request;
  request.Json(R"({"email":"x"})");
  JsonBody body(request);
  EXPECT_EQ(body.root().String("email", &user::v1::FindEmailViolation), "");
  EXPECT_THAT(FieldViolationsOf(body.Check()),
              ElementsAre(FieldViolation("/email", *user::v1::FindEmailViolation("x"))));
}

TEST(JsonBody, ReadsTheFirstElementsOfAnArrayThatIsTooLong) {
  TestRequest request;
  request.Json(R"({"id":1,"count":0,"name":"A","items":[{"id":1},{"id":0},{"id":0},{"id":0}]})");
  const Read read(request);
  EXPECT_THAT(PointersOf(read.status), UnorderedElementsAre("/items", "/items/1/id"));
  EXPECT_THAT(read.item_ids, ElementsAre(1, 0));
}

TEST(JsonBody, RefusesWhatTheReaderOfAnObjectRefuses) {
  TestRequest request;
  request.Json(R"({"items":[{"id":1},{"id":2}]})");
  JsonBody body(request);
  body.root().Objects("items", 1, 2, [](JsonFields& item) {
    if (item.Id("id") == 2) item.Refuse("id", "must be odd");
  });
  EXPECT_THAT(FieldViolationsOf(body.Check()),
              ElementsAre(FieldViolation("/items/1/id", "must be odd")));
}

TEST(JsonBody, ListsWhatIsWrongElsewhereFirst) {
  TestRequest request;
  request.Json(R"({"more":1})");
  JsonBody body(request);
  EXPECT_THAT(PointersOf(body.Check({{"/page_size", "must not be given"}})),
              ElementsAre("/page_size", "/more"));
}

TEST(JsonBody, ListsOnlyWhatIsWrongElsewhereIfItCannotBeRead) {
  TestRequest request;
  request.Json("{");
  JsonBody body(request);
  EXPECT_THAT(PointersOf(body.Check({{"/page_size", "must not be given"}})),
              ElementsAre("/page_size"));
  EXPECT_EQ(HttpStatusOf(body.Check()), 400);
}

TEST(JsonBody, RefusesAnArrayOfTheWrongSizeOrOfOtherThings) {
  for (const char* bad : {"[]", "[{\"id\":1},{\"id\":2},{\"id\":3}]", "{}", "7", "null"}) {
    EXPECT_THAT(PointersFor(std::string(R"({"id":1,"count":0,"name":"A","items":)") + bad + "}"),
                ElementsAre("/items"))
        << bad;
  }
  EXPECT_THAT(PointersFor(R"({"id":1,"count":0,"name":"A","items":[{"id":1},7]})"),
              ElementsAre("/items/1"));
}

TEST(JsonBody, RefusesANameThatAppearsTwice) {
  EXPECT_THAT(PointersFor(R"({"id":1,"id":2,"count":0,"name":"A","items":[{"id":1,"id":1}]})"),
              UnorderedElementsAre("/id", "/items/0/id"));
}

TEST(JsonBody, RefusesAnUnknownNameEvenIfItIsEmpty) {
  EXPECT_THAT(PointersFor(R"({"":1,"id":1,"count":0,"name":"A","items":[{"id":1}]})"),
              ElementsAre("/"));
}

TEST(JsonBody, IsABadRequestIfItIsNoJsonObject) {
  const std::string deep(17, '[');
  for (const std::string& bad : {std::string("{"),
                                 std::string("{}x"),
                                 std::string("[]"),
                                 std::string("null"),
                                 std::string("7"),
                                 std::string("{\"id\":1,}"),
                                 std::string("{'id':1}"),
                                 std::string("{\"id\":01}"),
                                 std::string("{\"id\":NaN}"),
                                 std::string("{\"id\":1e999}"),
                                 std::string("{\"name\":\"\xff\"}"),
                                 std::string("{\"name\":\"\xc0\x80\"}"),
                                 std::string("{\"name\":\"\\ud800\"}"),
                                 std::string("{\"name\":\"\x01\"}"),
                                 std::string("{}\0junk", 7),
                                 std::string("\0", 1),
                                 std::string(),
                                 std::string("// no comments\n{}"),
                                 "{\"id\":" + deep + std::string(17, ']') + "}",
                                 std::string(100'000, '[')}) {
    TestRequest request;
    request.Json(bad);
    const Read read(request);
    EXPECT_EQ(HttpStatusOf(read.status), 400) << bad;
    EXPECT_EQ(read.status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_TRUE(FieldViolationsOf(read.status).empty()) << bad;
  }
}

TEST(JsonBody, SaysWhereTheJsonBreaks) {
  TestRequest request;
  request.Json(R"({"id":7,})");
  const Read read(request);
  EXPECT_THAT(std::string(read.status.message()), HasSubstr("at byte 8"));
}

TEST(JsonBody, TakesSixteenLevelsAndNoMore) {
  // The object is the first level.
  const auto with_arrays = [](int levels) {
    TestRequest request;
    request.Json("{\"x\":" + std::string(levels, '[') + std::string(levels, ']') + "}");
    return JsonBody(request).Check();
  };
  EXPECT_EQ(HttpStatusOf(with_arrays(kMaxJsonDepth - 1)), 422) << "read; x is not a field";
  EXPECT_EQ(HttpStatusOf(with_arrays(kMaxJsonDepth)), 400);
}

// 64 KiB of members that no request has.
TEST(JsonBody, ListsTheFirstHundredFieldsOfThousandsThatAreRefused) {
  std::string json = "{\"\":0";
  while (json.size() < 64 * 1024) json += ",\"\":0";
  TestRequest request;
  request.Json(json + "}");
  const absl::Status status = JsonBody(request).Check();
  EXPECT_EQ(FieldViolationsOf(status).size(), kMaxListedFields + 1);
  EXPECT_LT(RenderProblem(status, "/", "id").body.size(), 16U * 1024);
}

TEST(JsonBody, DoesNotCountBracketsInStringsAsDepth) {
  EXPECT_THAT(PointersFor(R"({"id":1,"count":0,"name":"A","note":"[[[[",
                             "items":[{"id":1}],"x":"\"[[[[[[[[[[[[[[[[[[[["})"),
              ElementsAre("/x"));
}

TEST(JsonBody, TakesJsonWithItsOneCharset) {
  for (const char* accepted :
       {"application/json", "Application/JSON", "application/json; charset=utf-8",
        "application/json;charset=UTF-8", "application/json ; charset=\"utf-8\""}) {
    TestRequest request;
    request.Header("content-type", accepted);
    request.body = kValid;
    EXPECT_TRUE(Read(request).status.ok()) << accepted;
  }
}

TEST(JsonBody, IsUnsupportedWithAnyOtherMediaType) {
  for (const char* bad :
       {"", "text/plain", "application/json; charset=latin1", "application/jsonp",
        "application/json; charset=utf-8; x=y", "application/x-www-form-urlencoded"}) {
    TestRequest request;
    request.Header("Content-Type", bad);
    request.body = kValid;
    EXPECT_EQ(HttpStatusOf(Read(request).status), 415) << bad;
  }
  TestRequest without;
  without.body = kValid;
  EXPECT_EQ(HttpStatusOf(Read(without).status), 415);
}

}  // namespace
}  // namespace scaleout::gateway
