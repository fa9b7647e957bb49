#include "service/field_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "service/typed_id.h"

namespace scaleout {
namespace {

using rpc::v1::FindTextViolation;
using rpc::v1::kMaxIdempotencyKeyCharacters;

std::vector<std::string> Fields(const FieldChecks& checks) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(checks.Check())) {
    fields.push_back(violation.field);
  }
  return fields;
}

TEST(FieldChecks, AreFineUntilSomethingIsWrongAndThenListAllOfIt) {
  FieldChecks checks;
  checks.Require(true, "a", "never said");
  EXPECT_TRUE(checks.ok());
  EXPECT_TRUE(checks.Check().ok());
  checks.Require(false, "b", "must be so");
  checks.Id("c", 0);
  EXPECT_FALSE(checks.ok());
  EXPECT_THAT(Fields(checks), ::testing::ElementsAre("b", "c"));
  EXPECT_EQ(FieldViolationsOf(checks.Check())[0].detail, "must be so");
}

TEST(FieldChecks, KnowWhichIdsCanBe) {
  FieldChecks checks;
  checks.Id("first", 1);
  checks.Id("last", kMaxId);
  EXPECT_TRUE(checks.ok());
  checks.Id("zero", 0);
  checks.Id("negative", -1);
  checks.Id("large", kMaxId + 1);
  EXPECT_THAT(Fields(checks), ::testing::ElementsAre("zero", "negative", "large"));
}

TEST(FieldChecks, MeasureTextsInCharacters) {
  FieldChecks checks;
  checks.Refuse("exact", FindTextViolation("añ€😀", 4, 4));
  checks.Refuse("empty", FindTextViolation("", 0, 4));
  EXPECT_TRUE(checks.ok());
  checks.Refuse("short", FindTextViolation("", 1, 4));
  checks.Refuse("long", FindTextViolation("abcde", 1, 4));
  checks.Refuse("control", FindTextViolation("a\tb", 1, 4));
  checks.Refuse("zero", FindTextViolation(std::string_view("a\0b", 3), 1, 4));
  checks.Refuse("delete", FindTextViolation("a\x7f", 1, 4));
  EXPECT_THAT(Fields(checks), ::testing::ElementsAre("short", "long", "control", "zero", "delete"));
}

TEST(FieldChecks, LimitTheKeysOfABatchToWhatTheContractAllows) {
  std::vector<std::int64_t> ids(rpc::v1::kMaxBatchKeys);
  std::iota(ids.begin(), ids.end(), 1);
  FieldChecks checks;
  checks.BatchIds("user_id", ids);
  EXPECT_TRUE(checks.ok());
  ids.push_back(kMaxId);
  checks.BatchIds("user_id", ids);
  EXPECT_THAT(Fields(checks), ::testing::ElementsAre("keys"));
  EXPECT_EQ(FieldViolationsOf(checks.Check())[0].detail, "must have 1 to 64 keys");
}

TEST(FieldChecks, NameEachKeyOfABatchWhoseIdIsInvalid) {
  FieldChecks checks;
  checks.BatchIds("user_id", {kMaxId, 1, 1});
  EXPECT_TRUE(checks.ok());
  checks.BatchIds("user_id", {});
  checks.BatchIds("user_id", {1, 0, 2, kMaxId + 1});
  EXPECT_EQ(checks.size(), 3u);
  EXPECT_THAT(Fields(checks), ::testing::ElementsAre("keys", "keys[1].user_id", "keys[3].user_id"));
}

TEST(FieldChecks, DoNotCheckTheKeysAfterThoseThatABatchMayHave) {
  FieldChecks checks;
  checks.BatchIds("user_id", std::vector<std::int64_t>(1000, 0));
  EXPECT_EQ(checks.size(), 1 + rpc::v1::kMaxBatchKeys);
}

TEST(FieldChecks, LimitIdempotencyKeys) {
  FieldChecks checks;
  checks.OptionalIdempotencyKey("absent", "");
  checks.OptionalIdempotencyKey("longest", std::string(kMaxIdempotencyKeyCharacters, 'k'));
  EXPECT_TRUE(checks.ok());
  checks.OptionalIdempotencyKey("longer", std::string(kMaxIdempotencyKeyCharacters + 1, 'k'));
  checks.OptionalIdempotencyKey("unprintable", "café");
  EXPECT_THAT(Fields(checks), ::testing::ElementsAre("longer", "unprintable"));
}

}  // namespace
}  // namespace scaleout
