#include "gateway/http/problem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "common/utf8.h"

namespace scaleout::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

TEST(Problem, CodesMapAsInGrpcGateway) {
  const std::vector<std::pair<absl::Status, int>> cases = {
      {absl::CancelledError(), 499},           {absl::UnknownError(""), 500},
      {absl::InvalidArgumentError(""), 400},   {absl::DeadlineExceededError(""), 504},
      {absl::NotFoundError(""), 404},          {absl::AlreadyExistsError(""), 409},
      {absl::PermissionDeniedError(""), 403},  {absl::UnauthenticatedError(""), 401},
      {absl::ResourceExhaustedError(""), 429}, {absl::FailedPreconditionError(""), 400},
      {absl::AbortedError(""), 409},           {absl::OutOfRangeError(""), 400},
      {absl::UnimplementedError(""), 501},     {absl::InternalError(""), 500},
      {absl::UnavailableError(""), 503},       {absl::DataLossError(""), 500}};
  for (const auto& [status, http] : cases) EXPECT_EQ(HttpStatusOf(status), http) << status;
}

TEST(Problem, IsUtf8WhateverItQuotes) {
  const std::string bad = "\xed\xb0\x80";
  const absl::Status field = CheckFields({FieldViolation("/" + bad, "is not " + bad)});
  const absl::Status fact = WithReason(absl::NotFoundError(bad), "GONE", {{"what", bad}});
  for (const absl::Status& status : {field, fact}) {
    EXPECT_TRUE(IsUtf8(RenderProblem(status, "/" + bad, "id").body));
  }
}

TEST(Problem, RefusedFieldsAre422AndAllListed) {
  const absl::Status status =
      CheckFields({{"/name", "is missing"}, {"/items/0/quantity", "must be at least 1"}});
  const Response response = RenderProblem(status, "/api/orders", "r-1");
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_THAT(response.body,
              HasSubstr(R"("errors":[{"pointer":"/name","detail":"is missing"},)"
                        R"({"pointer":"/items/0/quantity","detail":"must be at least 1"}])"));
  EXPECT_THAT(response.body, HasSubstr(R"("code":"INVALID_ARGUMENT")"));
  EXPECT_THAT(response.body, HasSubstr(R"("instance":"/api/orders")"));
  EXPECT_THAT(response.body, HasSubstr(R"("requestId":"r-1")"));
}

// The value of WWW-Authenticate; empty without it.
std::string ChallengeOf(const absl::Status& status) {
  for (const auto& [name, value] : RenderProblem(status, "/", "r").headers) {
    if (name == "WWW-Authenticate") return value;
  }
  return "";
}

TEST(Problem, SaysHowToAuthenticate) {
  const absl::Status none = absl::UnauthenticatedError("none");
  constexpr std::string_view kPlain = R"(Bearer realm="scaleout")";
  constexpr std::string_view kRefused = R"(Bearer realm="scaleout", error="invalid_token")";
  EXPECT_EQ(ChallengeOf(none), kPlain);
  EXPECT_EQ(ChallengeOf(WithReason(none, "UNAUTHENTICATED")), kPlain);
  EXPECT_EQ(ChallengeOf(WithReason(none, "INVALID_CREDENTIALS")), kPlain);
  EXPECT_EQ(ChallengeOf(WithReason(none, "INVALID_TOKEN")), kRefused);
  EXPECT_EQ(ChallengeOf(WithReason(none, "SESSION_ENDED")), kRefused);
  constexpr std::string_view kRole = R"(Bearer realm="scaleout", error="insufficient_scope")";
  EXPECT_EQ(ChallengeOf(absl::PermissionDeniedError("no")), kRole);
  EXPECT_EQ(ChallengeOf(WithReason(absl::PermissionDeniedError("no"), "FORBIDDEN")), kRole);
  EXPECT_EQ(ChallengeOf(WithReason(absl::PermissionDeniedError("no"), "CROSS_SITE")), "");
}

TEST(Problem, WhoAsksIsAProblemWithATypeEvenWithoutAReason) {
  EXPECT_THAT(RenderProblem(absl::UnauthenticatedError("none"), "/", "r").body,
              HasSubstr(R"("type":"/problems/unauthenticated")"));
  EXPECT_THAT(RenderProblem(absl::PermissionDeniedError("no"), "/", "r").body,
              HasSubstr(R"("type":"/problems/forbidden")"));
  EXPECT_THAT(RenderProblem(HttpError(403, "no"), "/", "r").body,
              HasSubstr(R"("type":"about:blank")"));
}

TEST(Problem, AReasonPicksTheTypeAndItsFactsBecomeMembers) {
  const absl::Status status =
      WithReason(absl::UnavailableError("The circuit is open."), "CIRCUIT_OPEN",
                 {{"backend", "payment"}, {"retryAfterMs", "1200"}});
  const Response response = RenderProblem(status, "/", "r");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr(R"("type":"/problems/circuit-open")"));
  EXPECT_THAT(response.body, HasSubstr(R"("backend":"payment")"));
  EXPECT_THAT(response.body, HasSubstr(R"("retryAfterMs":1200)"));
  EXPECT_THAT(response.headers, ElementsAre(Pair("Retry-After", "2")));
}

TEST(Problem, RetryAfterIsAtLeastASecond) {
  const absl::Status status =
      WithReason(absl::UnavailableError(""), "OVERLOADED", {{"retryAfterMs", "1"}});
  EXPECT_THAT(RenderProblem(status, "/", "r").headers, ElementsAre(Pair("Retry-After", "1")));
}

TEST(Problem, AnInternalErrorKeepsItsWordsToItself) {
  const Response response = RenderProblem(absl::InternalError("password=hunter2"), "/", "r");
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(response.body, Not(HasSubstr("hunter2")));
}

TEST(Problem, AnHttpErrorKeepsItsStatusToTheLetter) {
  for (const int status : {400, 404, 405, 408, 411, 413, 414, 415, 417, 431, 501, 505}) {
    const Response response = RenderProblem(HttpError(status, "why"), "/", "r");
    EXPECT_EQ(response.status, status);
    EXPECT_THAT(response.body, HasSubstr(R"("type":"about:blank")"));
    EXPECT_THAT(response.body, Not(HasSubstr("httpStatus")));
  }
}

TEST(Problem, ReusedIdempotencyKeysAre422) {
  const Response response = RenderProblem(
      WithReason(absl::FailedPreconditionError("other payload"), "IDEMPOTENCY_KEY_REUSED"), "/",
      "r");
  EXPECT_EQ(response.status, 422);
  EXPECT_THAT(response.headers, IsEmpty());
}

TEST(Problem, WhatAPaymentCannotBeDoneForIsAConflictOfItsOwnType) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"ORDER_ALREADY_PAID", "order-already-paid"},
      {"ORDER_NOT_PAYABLE", "order-not-payable"},
      {"ORDER_NOT_REFUNDABLE", "order-not-refundable"},
      {"RESERVATION_ENDED", "reservation-ended"}};
  for (const auto& [reason, type] : cases) {
    const Response response =
        RenderProblem(WithReason(absl::FailedPreconditionError("no"), reason), "/", "r");
    EXPECT_EQ(response.status, 409) << reason;
    EXPECT_THAT(response.body, HasSubstr(R"("type":"/problems/)" + type + '"'));
    EXPECT_THAT(response.body, HasSubstr(R"("code":"FAILED_PRECONDITION")"));
    EXPECT_THAT(response.headers, IsEmpty()) << "repeating it would not help";
  }
  EXPECT_EQ(HttpStatusOf(WithReason(absl::InternalError("no"), "ORDER_NOT_PAYABLE")), 500);
}

TEST(Problem, WhatPassesByItselfSaysWhenToTryAgain) {
  for (const absl::Status& status :
       {WithReason(absl::AbortedError("wait"), "PAYMENT_IN_PROGRESS"),
        WithReason(absl::AbortedError("wait"), "IDEMPOTENCY_KEY_IN_PROGRESS"),
        WithReason(absl::UnavailableError("wait"), "PAYMENT_OUTCOME_UNKNOWN")}) {
    EXPECT_THAT(RenderProblem(status, "/", "r").headers, ElementsAre(Pair("Retry-After", "1")));
    EXPECT_THAT(
        RenderProblem(WithReason(status, ReasonOf(status), {{"retryAfterMs", "2001"}}), "/", "r")
            .headers,
        ElementsAre(Pair("Retry-After", "3")));
  }
  EXPECT_THAT(RenderProblem(absl::AbortedError("no"), "/", "r").headers, IsEmpty());
}

TEST(Problem, TextFromClientsIsEscaped) {
  EXPECT_THAT(RenderProblem(absl::NotFoundError(""), "/\"<\\", "r").body,
              HasSubstr(R"("instance":"/\"<\\")"));
}

}  // namespace
}  // namespace scaleout::gateway
