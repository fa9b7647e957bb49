#include "gateway/handlers/idempotency_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/status.h"
#include "gateway/http/problem.h"
#include "proto/scaleout/user/v1/user_limits.h"
#include "tests/support/request_fixture.h"

namespace scaleout::gateway {
namespace {

using testing::TestRequest;

TEST(IdempotencyKey, IsTakenAsItIs) {
  TestRequest request;
  request.Header("IDEMPOTENCY-key", "order 7/\"a\"");
  const absl::StatusOr<std::string> key = RequireIdempotencyKey(request);
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(*key, "order 7/\"a\"");
}

TEST(IdempotencyKey, MayBeAbsentWhereItIsNotRequired) {
  const TestRequest request;
  const absl::StatusOr<std::string> key = FindIdempotencyKey(request);
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(*key, "");
}

TEST(IdempotencyKey, IsABadRequestIfItIsRequiredAndAbsent) {
  const TestRequest request;
  const absl::Status status = RequireIdempotencyKey(request).status();
  EXPECT_EQ(HttpStatusOf(status), 400);
}

TEST(IdempotencyKey, IsABadRequestIfItIsEmptyTooLongOrNotPrintable) {
  for (const std::string& bad : {std::string(), std::string(201, 'k'), std::string("a\tb"),
                                 std::string("caf\xc3\xa9"), std::string("\x7f")}) {
    TestRequest request;
    request.Header("Idempotency-Key", bad);
    EXPECT_EQ(HttpStatusOf(FindIdempotencyKey(request).status()), 400) << bad;
    EXPECT_EQ(HttpStatusOf(RequireIdempotencyKey(request).status()), 400) << bad;
  }
  TestRequest longest;
  longest.Header("Idempotency-Key", std::string(200, 'k'));
  EXPECT_TRUE(FindIdempotencyKey(longest).ok());
}

TEST(IdempotencyKey, IsABadRequestIfThereIsMoreThanOne) {
  for (const char* other : {"k2", "k1", ""}) {
    TestRequest request;
    request.Header("Idempotency-Key", "k1").Header("X", "y").Header("idempotency-KEY", other);
    for (const absl::Status& status :
         {FindIdempotencyKey(request).status(), RequireIdempotencyKey(request).status()}) {
      EXPECT_EQ(HttpStatusOf(status), 400) << other;
      EXPECT_EQ(status.message(), "The Idempotency-Key must not be given more than once.");
    }
  }
}

// What a request that creates nothing but takes a name and no parameter is answered.
absl::Status Check(const TestRequest& request) {
  QueryReader query(request);
  const absl::Status key = RequireIdempotencyKey(request).status();
  JsonBody body(request);
  body.root().String("name", &user::v1::FindNameViolation);
  return CheckCreation(query, key, body);
}

TEST(CheckCreation, IsOkIfNothingIsWrong) {
  TestRequest request;
  request.Header("Idempotency-Key", "k").Json(R"({"name":"Anna"})");
  EXPECT_EQ(Check(request), absl::OkStatus());
}

TEST(CheckCreation, IsABadRequestIfOnlyTheKeyIsWrong) {
  TestRequest request;
  request.Json(R"({"name":"Anna"})");
  EXPECT_EQ(Check(request), RequireIdempotencyKey(request).status());
}

TEST(CheckCreation, ListsQueryBodyAndKeyInOneAnswer) {
  TestRequest request;
  request.Query("x", "1").Json(R"({"name":"","more":1})");
  const absl::Status status = Check(request);
  EXPECT_EQ(HttpStatusOf(status), 422);
  std::vector<std::string> pointers;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    EXPECT_FALSE(violation.detail.empty());
    pointers.push_back(violation.field);
  }
  EXPECT_THAT(pointers, ::testing::ElementsAre("/x", "/name", "/more", "/headers/Idempotency-Key"));
  EXPECT_EQ(FieldViolationsOf(status).back().detail,
            "is required, so that repeating the request is safe");
  request.Header("Idempotency-Key", "");
  EXPECT_EQ(FieldViolationsOf(Check(request)).back().detail,
            "must have 1 to 200 printable ASCII characters");
}

TEST(CheckCreation, IsABadRequestIfTheBodyCannotBeRead) {
  TestRequest request;
  request.Header("Idempotency-Key", "k").Json("{");
  EXPECT_EQ(HttpStatusOf(Check(request)), 400);
  TestRequest without_key;
  without_key.Json("{");
  EXPECT_EQ(HttpStatusOf(Check(without_key)), 400);
}

}  // namespace
}  // namespace scaleout::gateway
