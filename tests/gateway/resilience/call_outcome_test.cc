#include "gateway/resilience/call_outcome.h"

#include <gtest/gtest.h>

namespace scaleout::gateway {
namespace {

using absl::StatusCode;

TEST(ClassifyCall, BlamesTheBackendForWhatIsItsOwn) {
  for (const StatusCode code :
       {StatusCode::kUnavailable, StatusCode::kDeadlineExceeded, StatusCode::kInternal,
        StatusCode::kUnknown, StatusCode::kDataLoss}) {
    EXPECT_EQ(ClassifyCall(code), CallOutcome::kFailure) << static_cast<int>(code);
  }
}

TEST(ClassifyCall, TakesTheCallersErrorsForSuccesses) {
  for (const StatusCode code :
       {StatusCode::kOk, StatusCode::kInvalidArgument, StatusCode::kNotFound,
        StatusCode::kAlreadyExists, StatusCode::kFailedPrecondition, StatusCode::kPermissionDenied,
        StatusCode::kUnauthenticated, StatusCode::kOutOfRange, StatusCode::kAborted,
        StatusCode::kUnimplemented}) {
    EXPECT_EQ(ClassifyCall(code), CallOutcome::kSuccess) << static_cast<int>(code);
  }
}

TEST(ClassifyCall, IgnoresWhatNobodyDecided) {
  EXPECT_EQ(ClassifyCall(StatusCode::kCancelled), CallOutcome::kIgnored);
  EXPECT_EQ(ClassifyCall(StatusCode::kResourceExhausted), CallOutcome::kIgnored);
}

TEST(ClassifyCall, TakesANumberThatIsNoCodeForAFailure) {
  EXPECT_EQ(ClassifyCall(static_cast<StatusCode>(99)), CallOutcome::kFailure);
}

}  // namespace
}  // namespace scaleout::gateway
