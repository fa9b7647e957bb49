#include "services/order/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/postgres_migrations.h"
#include "services/payment/schema.h"
#include "services/user/schema.h"

namespace scaleout {
namespace {

TEST(Schema, EmbedsEveryServicesMigrationsAndDemoData) {
  for (const ServiceSchema& schema : {user::Schema(), order::Schema(), payment::Schema()}) {
    const auto migrations = ParseMigrations(schema.migrations);
    ASSERT_TRUE(migrations.ok()) << migrations.status();
    EXPECT_FALSE(migrations->empty());
    EXPECT_THAT((*migrations)[0].text, ::testing::HasSubstr("CREATE TABLE"));
    EXPECT_THAT(std::string(schema.demo_data), ::testing::HasSubstr("generate_series"));
  }
}

}  // namespace
}  // namespace scaleout
