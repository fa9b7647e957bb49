#include "common/grpc_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/status.h"
#include "common/str_cat.h"

namespace scaleout {
namespace {

using ::testing::ElementsAre;

TEST(ToGrpcStatus, KeepsOk) { EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok()); }

TEST(ToGrpcStatus, KeepsEveryCodeAndTheMessageBothWays) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "what happened");
    const grpc::Status sent = ToGrpcStatus(status);
    EXPECT_EQ(static_cast<int>(sent.error_code()), code);
    EXPECT_EQ(sent.error_message(), "what happened");
    EXPECT_EQ(FromGrpcStatus(sent), status);
  }
}

TEST(ToGrpcStatus, KeepsDetailsBothWays) {
  const absl::Status status = WithReason(CheckFields({{"/a", "b"}}), "REASON", {{"k", "v"}});
  const absl::Status received = FromGrpcStatus(ToGrpcStatus(status));
  EXPECT_THAT(FieldViolationsOf(received), ElementsAre(FieldViolation("/a", "b")));
  EXPECT_EQ(ReasonOf(received), "REASON");
}

TEST(ToGrpcStatus, CutsALongMessage) {
  const grpc::Status sent = ToGrpcStatus(absl::InternalError(std::string(5000, 'x')));
  EXPECT_EQ(sent.error_message(), std::string(kMaxGrpcMessageBytes, 'x'));
}

TEST(ToGrpcStatus, CutsBetweenCharactersNotWithinOne) {
  const std::string head(kMaxGrpcMessageBytes - 1, 'x');
  const grpc::Status sent = ToGrpcStatus(absl::InternalError(head + "\xC3\xA9 and more"));
  EXPECT_EQ(sent.error_message(), head);
}

TEST(FromGrpcStatus, KeepsOk) { EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK).ok()); }

TEST(FromGrpcStatus, ReadsACodeThatGrpcDoesNotDefineAsUnknown) {
  for (const int code : {-1, 17}) {
    const absl::Status status =
        FromGrpcStatus(grpc::Status(static_cast<grpc::StatusCode>(code), "odd"));
    EXPECT_EQ(status, absl::UnknownError("odd"));
  }
}

TEST(FromGrpcStatus, IgnoresDetailsThatDoNotParse) {
  const grpc::Status received(grpc::StatusCode::NOT_FOUND, "x", "\xff\xff junk");
  EXPECT_EQ(FromGrpcStatus(received), absl::NotFoundError("x"));
}

}  // namespace
}  // namespace scaleout
