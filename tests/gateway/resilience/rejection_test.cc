#include "gateway/resilience/rejection.h"

#include <gtest/gtest.h>

#include "common/status.h"

namespace scaleout::gateway {
namespace {

TEST(Rejection, SaysOfAnOpenCircuitWhoseItIsAndWhenToComeBack) {
  const absl::Status status =
      CircuitOpen("payment", CircuitState::kHalfOpen, std::chrono::microseconds(4'200'001));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "CIRCUIT_OPEN");
  EXPECT_EQ(
      MetadataOf(status),
      (ErrorMetadata{{"backend", "payment"}, {"state", "HALF_OPEN"}, {"retryAfterMs", "4201"}}));
}

TEST(Rejection, SaysOfAFullBulkheadWhoseItIs) {
  const absl::Status status = BulkheadFull("order", 256);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "BULKHEAD_FULL");
  EXPECT_EQ(MetadataOf(status),
            (ErrorMetadata{
                {"backend", "order"}, {"maxConcurrentCalls", "256"}, {"retryAfterMs", "1000"}}));
}

TEST(Rejection, SaysOfTooManyReadsHowManyMayWait) {
  const absl::Status status = TooManyReads("order", 512);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "TOO_MANY_READS");
  EXPECT_EQ(MetadataOf(status),
            (ErrorMetadata{{"backend", "order"}, {"maxWaiting", "512"}, {"retryAfterMs", "1000"}}));
}

TEST(Rejection, KnowsItsOwnFromTheServices) {
  EXPECT_TRUE(IsRejectedCall(CircuitOpen("user", CircuitState::kOpen, Duration::zero())));
  EXPECT_TRUE(IsRejectedCall(BulkheadFull("user", 1)));
  EXPECT_TRUE(IsRejectedCall(TooManyReads("user", 1)));
  EXPECT_FALSE(IsRejectedCall(AfterAttempt(BulkheadFull("user", 1))));
  EXPECT_FALSE(IsRejectedCall(absl::OkStatus()));
  EXPECT_FALSE(IsRejectedCall(absl::UnavailableError("The user service is not reachable.")));
}

TEST(Rejection, SaysOfAnOverloadedInstanceWhenToComeBack) {
  const absl::Status status = Overloaded();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "OVERLOADED");
  EXPECT_EQ(MetadataOf(status), (ErrorMetadata{{"retryAfterMs", "1000"}}));
}

TEST(Rejection, NamesTheBackendThatThereWasNoTimeToCall) {
  const absl::Status status = NoTimeLeft("user");
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ReasonOf(status), "DEADLINE_EXCEEDED");
  EXPECT_EQ(MetadataOf(status), (ErrorMetadata{{"backend", "user"}}));
}

}  // namespace
}  // namespace scaleout::gateway
