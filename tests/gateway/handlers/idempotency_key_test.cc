#include "gateway/handlers/idempotency_key.h"

#include <gtest/gtest.h>

#include <string>

#include "common/status.h"
#include "gateway/http/problem.h"
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

}  // namespace
}  // namespace scaleout::gateway
