#include "service/field_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/typed_id.h"

namespace scaleout {
namespace {

std::vector<std::string> Pointers(const FieldChecks& checks) {
  std::vector<std::string> pointers;
  for (const FieldViolation& violation : FieldViolationsOf(checks.Check())) {
    pointers.push_back(violation.field);
  }
  return pointers;
}

TEST(FieldChecks, AreFineUntilSomethingIsWrongAndThenListAllOfIt) {
  FieldChecks checks;
  checks.Require(true, "/a", "never said");
  EXPECT_TRUE(checks.ok());
  EXPECT_TRUE(checks.Check().ok());
  checks.Require(false, "/b", "must be so");
  checks.Id("/c", 0);
  EXPECT_FALSE(checks.ok());
  EXPECT_THAT(Pointers(checks), ::testing::ElementsAre("/b", "/c"));
  EXPECT_EQ(FieldViolationsOf(checks.Check())[0].detail, "must be so");
}

TEST(FieldChecks, KnowWhichIdsCanBe) {
  FieldChecks checks;
  checks.Id("/first", 1);
  checks.Id("/last", kMaxId);
  EXPECT_TRUE(checks.ok());
  checks.Id("/zero", 0);
  checks.Id("/negative", -1);
  checks.Id("/large", kMaxId + 1);
  EXPECT_THAT(Pointers(checks), ::testing::ElementsAre("/zero", "/negative", "/large"));
}

TEST(FieldChecks, MeasureTextsInCharacters) {
  FieldChecks checks;
  checks.Text("/exact", "añ€😀", 4, 4);
  checks.Text("/empty", "", 0, 4);
  EXPECT_TRUE(checks.ok());
  checks.Text("/short", "", 1, 4);
  checks.Text("/long", "abcde", 1, 4);
  checks.Text("/control", "a\tb", 1, 4);
  checks.Text("/zero", std::string_view("a\0b", 3), 1, 4);
  checks.Text("/delete", "a\x7f", 1, 4);
  EXPECT_THAT(Pointers(checks),
              ::testing::ElementsAre("/short", "/long", "/control", "/zero", "/delete"));
}

TEST(FieldChecks, LimitIdempotencyKeysAndBatches) {
  FieldChecks checks;
  checks.IdempotencyKey("/absent", "");
  checks.IdempotencyKey("/longest", std::string(kMaxIdempotencyKey, 'k'));
  checks.BatchIds("/ids", {1, 2, 3}, 3);
  EXPECT_TRUE(checks.ok());
  checks.IdempotencyKey("/longer", std::string(kMaxIdempotencyKey + 1, 'k'));
  checks.BatchIds("/none", {}, 3);
  checks.BatchIds("/many", {1, 2, 3, 4}, 3);
  checks.BatchIds("/twins", {1, 1, -1}, 3);
  EXPECT_THAT(Pointers(checks),
              ::testing::ElementsAre("/longer", "/none", "/many", "/twins/1", "/twins/2"));
}

}  // namespace
}  // namespace scaleout
