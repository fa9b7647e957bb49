#include "common/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/str_cat.h"

namespace scaleout {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(CheckFields, IsOkWithoutViolations) { EXPECT_TRUE(CheckFields({}).ok()); }

TEST(CheckFields, CarriesEveryRefusedFieldInOrder) {
  const absl::Status status =
      CheckFields({{"/email", "not an e-mail address"}, {"/items/0/quantity", "at least 1"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FromAbsl(status.message()), "invalid fields: /email, /items/0/quantity");
  EXPECT_THAT(FieldViolationsOf(status),
              ElementsAre(FieldViolation("/email", "not an e-mail address"),
                          FieldViolation("/items/0/quantity", "at least 1")));
}

TEST(CheckFields, ListsTheFirstHundredAndSaysHowManyMoreThereAre) {
  std::vector<FieldViolation> violations(kMaxListedFields, FieldViolation("/a", "is wrong"));
  EXPECT_EQ(FieldViolationsOf(CheckFields(violations)), violations);
  violations.insert(violations.end(), 12'900, FieldViolation("/b", "is wrong"));
  const absl::Status status = CheckFields(violations);
  const std::vector<FieldViolation> listed = FieldViolationsOf(status);
  ASSERT_EQ(listed.size(), kMaxListedFields + 1);
  EXPECT_EQ(listed[kMaxListedFields - 1], FieldViolation("/a", "is wrong"));
  EXPECT_EQ(listed.back(), FieldViolation("", "has 12900 more invalid fields"));
  EXPECT_LT(status.message().size(), 1000U);
}

TEST(CheckFields, NamesTheWholeRequestWhereThePointerIsEmpty) {
  EXPECT_EQ(FromAbsl(CheckFields({{"", "not an object"}}).message()), "invalid field: the request");
}

TEST(FieldViolationsOf, IsEmptyForAStatusThatNamesNone) {
  EXPECT_THAT(FieldViolationsOf(absl::OkStatus()), IsEmpty());
  EXPECT_THAT(FieldViolationsOf(absl::NotFoundError("no such user")), IsEmpty());
}

TEST(RenameFields, GivesEachRefusedFieldAndTheMessageTheNewNames) {
  const absl::Status status =
      WithReason(CheckFields({{"a", "is missing"}, {"", "is wrong"}}), "REASON", {{"k", "v"}});
  const absl::Status renamed = RenameFields(
      status, [](std::string_view field) { return field.empty() ? "" : StrCat("/", field); });
  EXPECT_EQ(renamed.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FromAbsl(renamed.message()), "invalid fields: /a, the request");
  EXPECT_THAT(FieldViolationsOf(renamed),
              ElementsAre(FieldViolation("/a", "is missing"), FieldViolation("", "is wrong")));
  EXPECT_EQ(ReasonOf(renamed), "REASON");
  EXPECT_THAT(MetadataOf(renamed), ElementsAre(Pair("k", "v")));
}

TEST(RenameFields, LeavesAStatusWithoutFieldsAlone) {
  const auto rename = [](std::string_view) { return std::string("other"); };
  const absl::Status status = WithReason(absl::InvalidArgumentError("why"), "REASON");
  EXPECT_EQ(RenameFields(status, rename), status);
  EXPECT_EQ(RenameFields(absl::OkStatus(), rename), absl::OkStatus());
}

TEST(RenameFields, LeavesTheMessageOfAnotherCodeAlone) {
  absl::Status status = absl::FailedPreconditionError("the order is paid");
  AttachDetails(status, SerializeDetails(CheckFields({{"order_id", "is paid"}})));
  const absl::Status renamed =
      RenameFields(status, [](std::string_view) { return std::string("/id"); });
  EXPECT_EQ(renamed.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(FromAbsl(renamed.message()), "the order is paid");
  EXPECT_THAT(FieldViolationsOf(renamed), ElementsAre(FieldViolation("/id", "is paid")));
}

TEST(WithReason, CarriesTheReasonAndItsFacts) {
  const absl::Status status = WithReason(absl::UnavailableError("open"), "CIRCUIT_OPEN",
                                         {{"backend", "payment"}, {"retryAfterMs", "1500"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(FromAbsl(status.message()), "open");
  EXPECT_EQ(ReasonOf(status), "CIRCUIT_OPEN");
  EXPECT_THAT(MetadataOf(status),
              ElementsAre(Pair("backend", "payment"), Pair("retryAfterMs", "1500")));
}

TEST(WithReason, KeepsTheFieldsThatRideAlready) {
  const absl::Status status = WithReason(CheckFields({{"/email", "taken"}}), "EMAIL_TAKEN");
  EXPECT_THAT(FieldViolationsOf(status), ElementsAre(FieldViolation("/email", "taken")));
  EXPECT_EQ(ReasonOf(status), "EMAIL_TAKEN");
}

TEST(WithReason, TheLastReasonWinsAndFactsAddUp) {
  absl::Status status = WithReason(absl::AbortedError("x"), "FIRST", {{"a", "1"}, {"b", "1"}});
  status = WithReason(status, "SECOND", {{"b", "2"}});
  EXPECT_EQ(ReasonOf(status), "SECOND");
  EXPECT_THAT(MetadataOf(status), ElementsAre(Pair("a", "1"), Pair("b", "2")));
}

TEST(WithReason, PutsNothingOnAnOkStatus) {
  const absl::Status status = WithReason(absl::OkStatus(), "REASON", {{"a", "1"}});
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(ReasonOf(status), "");
  EXPECT_THAT(MetadataOf(status), IsEmpty());
}

TEST(CodeName, IsTheCanonicalNameOfEveryCode) {
  const std::vector<std::string_view> names = {"OK",
                                               "CANCELLED",
                                               "UNKNOWN",
                                               "INVALID_ARGUMENT",
                                               "DEADLINE_EXCEEDED",
                                               "NOT_FOUND",
                                               "ALREADY_EXISTS",
                                               "PERMISSION_DENIED",
                                               "RESOURCE_EXHAUSTED",
                                               "FAILED_PRECONDITION",
                                               "ABORTED",
                                               "OUT_OF_RANGE",
                                               "UNIMPLEMENTED",
                                               "INTERNAL",
                                               "UNAVAILABLE",
                                               "DATA_LOSS",
                                               "UNAUTHENTICATED"};
  for (std::size_t code = 0; code < names.size(); ++code) {
    EXPECT_EQ(CodeName(static_cast<absl::StatusCode>(code)), names[code]);
  }
  EXPECT_EQ(CodeName(static_cast<absl::StatusCode>(99)), "UNKNOWN");
}

TEST(SerializeDetails, ComesBackAsItWent) {
  const absl::Status sent = WithReason(CheckFields({{"/a", "b"}}), "REASON", {{"k", "v"}});
  absl::Status received = absl::InvalidArgumentError("same");
  AttachDetails(received, SerializeDetails(sent));
  EXPECT_THAT(FieldViolationsOf(received), ElementsAre(FieldViolation("/a", "b")));
  EXPECT_EQ(ReasonOf(received), "REASON");
  EXPECT_THAT(MetadataOf(received), ElementsAre(Pair("k", "v")));
}

TEST(SerializeDetails, IsEmptyWithoutDetails) {
  EXPECT_EQ(SerializeDetails(absl::NotFoundError("x")), "");
}

TEST(SerializeDetails, LeavesOutTheLastFieldsOverTheWireLimit) {
  std::vector<FieldViolation> violations;
  for (std::size_t i = 0; i < kMaxListedFields; ++i)
    violations.emplace_back(StrCat("/items/", i, "/quantity"), "must be an integer from 1 to 1000");
  const std::string serialized = SerializeDetails(WithReason(CheckFields(violations), "REASON"));
  EXPECT_LE(serialized.size(), kMaxDetailsBytes);
  EXPECT_GT(serialized.size(), kMaxDetailsBytes - 100);

  absl::Status received = absl::InvalidArgumentError("x");
  AttachDetails(received, serialized);
  EXPECT_EQ(FieldViolationsOf(received).front().field, "/items/0/quantity");
  EXPECT_EQ(ReasonOf(received), "REASON");
}

TEST(AttachDetails, IgnoresWhatDoesNotParse) {
  absl::Status status = absl::NotFoundError("x");
  AttachDetails(status, "\xff\xff\xff junk");
  EXPECT_EQ(status, absl::NotFoundError("x"));
  AttachDetails(status, "");
  EXPECT_EQ(status, absl::NotFoundError("x"));
}

}  // namespace
}  // namespace scaleout
