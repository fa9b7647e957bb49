#include "services/user/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace scaleout::user {
namespace {

TEST(UserSchema, EmbedsTheMigrationsAndTheDemoData) {
  const auto migrations = ParseMigrations(Schema().migrations);
  ASSERT_TRUE(migrations.ok()) << migrations.status();
  ASSERT_FALSE(migrations->empty());
  EXPECT_THAT((*migrations)[0].text, ::testing::HasSubstr("CREATE TABLE users"));
  EXPECT_THAT(std::string(Schema().demo_data), ::testing::HasSubstr("generate_series"));
}

}  // namespace
}  // namespace scaleout::user
