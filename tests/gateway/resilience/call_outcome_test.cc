#include "gateway/resilience/call_outcome.h"

#include <gtest/gtest.h>

#include <string_view>

#include "common/status.h"

namespace scaleout::gateway {
namespace {

using absl::StatusCode;

CallOutcome Classify(StatusCode code) { return ClassifyCall(absl::Status(code, "")); }

TEST(ClassifyCall, BlamesTheBackendForWhatIsItsOwn) {
  for (const StatusCode code :
       {StatusCode::kUnavailable, StatusCode::kDeadlineExceeded, StatusCode::kInternal,
        StatusCode::kUnknown, StatusCode::kDataLoss}) {
    EXPECT_EQ(Classify(code), CallOutcome::kFailure) << static_cast<int>(code);
  }
}

TEST(ClassifyCall, TakesTheCallersErrorsForSuccesses) {
  for (const StatusCode code :
       {StatusCode::kOk, StatusCode::kInvalidArgument, StatusCode::kNotFound,
        StatusCode::kAlreadyExists, StatusCode::kFailedPrecondition, StatusCode::kPermissionDenied,
        StatusCode::kUnauthenticated, StatusCode::kOutOfRange, StatusCode::kAborted,
        StatusCode::kUnimplemented}) {
    EXPECT_EQ(Classify(code), CallOutcome::kSuccess) << static_cast<int>(code);
  }
}

TEST(ClassifyCall, IgnoresCancelledCallsAndEmptyQuotas) {
  EXPECT_EQ(Classify(StatusCode::kCancelled), CallOutcome::kIgnored);
  EXPECT_EQ(Classify(StatusCode::kResourceExhausted), CallOutcome::kIgnored);
}

TEST(ClassifyCall, IgnoresLoadShedding) {
  for (const std::string_view reason : {kReasonOverloaded, kReasonPoolExhausted}) {
    const absl::Status shed = WithReason(absl::UnavailableError(""), reason);
    EXPECT_TRUE(IsLoadShedding(shed)) << reason;
    EXPECT_EQ(ClassifyCall(shed), CallOutcome::kIgnored) << reason;
  }
  const absl::Status down = WithReason(absl::UnavailableError(""), "DATABASE_DOWN");
  EXPECT_FALSE(IsLoadShedding(down));
  EXPECT_EQ(ClassifyCall(down), CallOutcome::kFailure);
  EXPECT_FALSE(IsLoadShedding(WithReason(absl::InternalError(""), kReasonOverloaded)));
  EXPECT_FALSE(IsLoadShedding(absl::OkStatus()));
}

TEST(ClassifyCall, IgnoresWhatOnlyWaitsForAnother) {
  for (const std::string_view reason : {kReasonRevocationPending, kReasonPaymentUnknown}) {
    const absl::Status waiting = WithReason(absl::UnavailableError(""), reason);
    EXPECT_EQ(ClassifyCall(waiting), CallOutcome::kIgnored) << reason;
    EXPECT_TRUE(IsWaitingForAnother(waiting)) << reason;
    EXPECT_FALSE(IsLoadShedding(waiting)) << reason;
    EXPECT_FALSE(IsWaitingForAnother(WithReason(absl::InternalError(""), reason))) << reason;
  }
  EXPECT_FALSE(IsWaitingForAnother(absl::UnavailableError("")));
}

TEST(ClassifyCall, TakesANumberThatIsNoCodeForAFailure) {
  EXPECT_EQ(Classify(static_cast<StatusCode>(99)), CallOutcome::kFailure);
}

}  // namespace
}  // namespace scaleout::gateway
