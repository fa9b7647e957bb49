#include "postgres/postgres_conninfo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/status/status.h"

namespace scaleout {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

TEST(ParseConninfo, ReadsBothFormsOfLibpq) {
  for (const std::string text :
       {"host=db port=5433 dbname=orders", "postgresql://db:5433/orders"}) {
    const auto values = ParseConninfo(text);
    ASSERT_TRUE(values.ok()) << values.status();
    EXPECT_THAT(*values, UnorderedElementsAre(std::pair("host", "db"), std::pair("port", "5433"),
                                              std::pair("dbname", "orders")));
  }
}

// Not only of the one that is called password: the key's passphrase is one, too.
TEST(ParseConninfo, RefusesEverySecretWithoutRepeatingIt) {
  for (const std::string text :
       {"host=db password=hunter2", "postgresql://user:hunter2@db/orders",
        "host=db sslkey=/key sslpassword=hunter2", "postgresql://db/orders?password=hunter2"}) {
    const absl::Status refused = ParseConninfo(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << text;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("password"));
    EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("hunter2")));
  }
}

TEST(ParseConninfo, RefusesWhatLibpqCannotRead) {
  for (const std::string text : {"hots=db", "host", "host='db", "postgresql://db:port/x?y"}) {
    const absl::Status refused = ParseConninfo(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << text;
  }
}

}  // namespace
}  // namespace scaleout
