#include "postgres/postgres_migrations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace scaleout {
namespace {

using ::testing::HasSubstr;

std::vector<Migration> Parsed(const std::vector<EmbeddedSql>& files) {
  const auto migrations = ParseMigrations(files);
  EXPECT_TRUE(migrations.ok()) << migrations.status();
  return migrations.value();
}

TEST(PostgresMigrations, AreNumberedByTheirNamesWhateverTheirOrder) {
  const auto migrations = Parsed({{"0002_b.sql", "B"}, {"0001_a.sql", "A"}});
  ASSERT_EQ(migrations.size(), 2u);
  EXPECT_EQ(migrations[0].file, "0001_a.sql");
  EXPECT_EQ(migrations[1].version, 2);
  EXPECT_NE(migrations[0].checksum, migrations[1].checksum);
}

TEST(PostgresMigrations, RefuseNamesAndNumbersThatAreWrong) {
  for (const char* name : {"1_a.sql", "0001a.sql", "0001_.sql", "0001_a.txt", "0001ab.sql",
                           "abcd_a.sql", "0000_a.sql", "0001_it's.sql", ""}) {
    EXPECT_TRUE(absl::IsInternal(ParseMigrations({{name, "A"}}).status())) << name;
  }
  EXPECT_FALSE(ParseMigrations({{"0002_b.sql", "B"}}).ok());
  EXPECT_FALSE(ParseMigrations({{"0001_a.sql", "A"}, {"0003_c.sql", "C"}}).ok());
  EXPECT_FALSE(ParseMigrations({{"0001_a.sql", "A"}, {"0001_b.sql", "B"}}).ok());
}

TEST(PostgresMigrations, AcceptWhatWasAppliedBeforeAndByNewerReplicas) {
  const auto migrations = Parsed({{"0001_a.sql", "A"}, {"0002_b.sql", "B"}});
  const AppliedMigration a = {1, "0001_a.sql", migrations[0].checksum};
  const AppliedMigration b = {2, "0002_b.sql", migrations[1].checksum};
  EXPECT_TRUE(CheckApplied(migrations, {}).ok());
  EXPECT_TRUE(CheckApplied(migrations, {a}).ok());
  EXPECT_TRUE(CheckApplied(migrations, {a, b, {3, "0003_c.sql", "newer"}}).ok());
}

TEST(PostgresMigrations, RefuseAChangedFileByName) {
  const auto migrations = Parsed({{"0001_a.sql", "A"}});
  const absl::Status status = CheckApplied(migrations, {{1, "0001_a.sql", "other"}});
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("0001_a.sql"));
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckApplied(migrations, {{2, "0002_b.sql", "x"}})));
}

}  // namespace
}  // namespace scaleout
