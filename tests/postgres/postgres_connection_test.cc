#include "postgres/postgres_connection.h"

#include <gtest/gtest.h>

#include "postgres/postgres_statement.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;

TEST(StatementTimeoutStep, IsTheSmallestThatLeavesTheCallItsTime) {
  EXPECT_EQ(StatementTimeoutStep(1ms, 3s), 50ms);
  EXPECT_EQ(StatementTimeoutStep(50ms, 3s), 50ms);
  EXPECT_EQ(StatementTimeoutStep(51ms, 3s), 100ms);
  EXPECT_EQ(StatementTimeoutStep(2999ms, 3s), 3s);
  EXPECT_EQ(StatementTimeoutStep(4s, 30s), 5s);
}

TEST(StatementTimeoutStep, NeverExceedsTheLimit) {
  EXPECT_EQ(StatementTimeoutStep(20s, 3s), 3s);
  EXPECT_EQ(StatementTimeoutStep(Duration::max(), 3s), 3s);
  EXPECT_EQ(StatementTimeoutStep(40ms, 20ms), 20ms);
  EXPECT_EQ(StatementTimeoutStep(Duration::max(), 1min), 1min);
}

TEST(PostgresParam, RendersWhatPostgresParses) {
  EXPECT_EQ(PostgresParam(std::int64_t{-5}).text(), "-5");
  EXPECT_EQ(PostgresParam("text").text(), "text");
  EXPECT_EQ(PostgresParam(std::nullopt).text(), std::nullopt);
  EXPECT_EQ(PostgresParam(std::vector<std::int64_t>{}).text(), "{}");
  EXPECT_EQ(PostgresParam(std::vector<std::int64_t>{1, 2}).text(), "{1,2}");
  EXPECT_EQ(PostgresParam(std::vector<std::string>{"a", R"(b"\,)"}).text(), R"({"a","b\"\\,"})");
}

}  // namespace
}  // namespace scaleout
