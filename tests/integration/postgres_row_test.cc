#include "postgres/postgres_row.h"

#include <chrono>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/integration/pool_fixture.h"

namespace scaleout {
namespace {

using testing::CallFor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class PostgresRowTest : public testing::PoolFixture {
 protected:
  // The status of a query whose rows are read by `read`.
  absl::Status Read(const char* sql, PostgresRowReader read) {
    return pool_->ForEachRow(CallFor(), {"read", sql}, {}, read);
  }

  // That `read` is refused as INTERNAL, that the message names the statement, `column` and `what`,
  // and that nothing after the bad row is read.
  void ExpectProblem(const char* sql, const std::function<void(const PostgresRow&)>& read,
                     const char* column, const char* what) {
    int rows = 0;
    // A connection prepares each name once and refers to it from then on.
    const std::string& name = names_.emplace_back("problem_" + std::to_string(names_.size()));
    const absl::Status status =
        pool_->ForEachRow(CallFor(), {name.c_str(), sql}, {}, [&](const PostgresRow& row) {
          ++rows;
          read(row);
        });
    EXPECT_TRUE(absl::IsInternal(status)) << status;
    const std::string message(status.message());
    EXPECT_THAT(message, HasSubstr("column " + std::string(column) + " of " + name));
    EXPECT_THAT(message, HasSubstr(what));
    EXPECT_THAT(message, Not(HasSubstr("secret")));
    EXPECT_EQ(rows, 1);
  }

  std::deque<std::string> names_;
  const std::unique_ptr<PostgresPool> pool_ = MakePool();
};

TEST_F(PostgresRowTest, ReadsEveryTypeAtTheEndsOfItsRange) {
  const absl::Status status = Read(
      "SELECT true AS yes, false AS no, (-2147483648)::int AS i32, 9223372036854775807::bigint AS "
      "i64, (-9223372036854775808)::bigint AS least, 'a\"b' AS t, '' AS empty, NULL::text AS "
      "nothing,"
      " (-1)::bigint AS before_1970",
      [](const PostgresRow& row) {
        EXPECT_TRUE(row.Bool("yes"));
        EXPECT_FALSE(row.Bool("no"));
        EXPECT_EQ(row.Int32("i32"), -2147483648);
        EXPECT_EQ(row.Int64("i32"), -2147483648);
        EXPECT_EQ(row.Int64("i64"), 9223372036854775807);
        EXPECT_EQ(row.Int64("least"), std::numeric_limits<std::int64_t>::min());
        EXPECT_EQ(row.Text("t"), "a\"b");
        EXPECT_EQ(row.Text("empty"), "");
        EXPECT_FALSE(row.IsNull("empty"));
        EXPECT_TRUE(row.IsNull("nothing"));
        EXPECT_EQ(row.Time("before_1970"), WallTime(std::chrono::microseconds(-1)));
      });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(PostgresRowTest, ReadsColumnsInAnyOrderThatDiffersFromRowToRow) {
  std::vector<std::int64_t> read;
  const absl::Status status =
      Read("SELECT i AS a, 10 * i AS b, 100 * i AS c FROM generate_series(1, 4) AS i",
           [&](const PostgresRow& row) {
             switch (read.size() / 3) {
               case 0:
                 read.insert(read.end(), {row.Int64("a"), row.Int64("b"), row.Int64("c")});
                 break;
               case 1:
                 read.insert(read.end(), {row.Int64("c"), row.Int64("c"), row.Int64("b")});
                 break;
               case 2:
                 read.insert(read.end(), {row.Int64("b"), row.Int64("a"), row.Int64("b")});
                 break;
               default:
                 read.insert(read.end(), {row.Int64("a"), row.Int64("b"), row.Int64("c")});
             }
           });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(read, ElementsAre(1, 10, 100, 200, 200, 20, 30, 3, 30, 4, 40, 400));
}

TEST_F(PostgresRowTest, ReadsAColumnThatOnlyALaterRowIsAskedFor) {
  std::string last;
  const absl::Status status =
      Read("SELECT i AS a, 'text' || i AS b FROM generate_series(1, 3) AS i",
           [&](const PostgresRow& row) {
             if (row.Int64("a") == 3) last = row.Text("b");
           });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(last, "text3");
}

// What the services select as times is exact until 2106, whatever the microsecond.
TEST_F(PostgresRowTest, MicrosecondsOfDoublePrecisionAreThoseOfNumeric) {
  EXPECT_EQ(Ask("SELECT count(*) || ' ' ||"
                " count(*) FILTER (WHERE (date_part('epoch', t) * 1000000)::bigint"
                "   <> (extract(epoch FROM t) * 1000000)::bigint)"
                " FROM (SELECT to_timestamp(0) + s * interval '1 second' + u * interval '1 us' AS t"
                "   FROM generate_series(-4294900000, 4294900000, 21474500) AS s,"
                "   generate_series(0, 999999, 1009) AS u) AS times"),
            "397792 0");
}

TEST_F(PostgresRowTest, RowWithNullWhereAValueIsExpectedIsInternal) {
  const char* sql = "SELECT NULL AS n FROM generate_series(1, 3)";
  const std::vector<std::function<void(const PostgresRow&)>> reads = {
      [](const PostgresRow& row) { EXPECT_EQ(row.Int32("n"), 0); },
      [](const PostgresRow& row) { EXPECT_EQ(row.Int64("n"), 0); },
      [](const PostgresRow& row) { EXPECT_EQ(row.Text("n"), ""); },
      [](const PostgresRow& row) { EXPECT_FALSE(row.Bool("n")); },
      [](const PostgresRow& row) { EXPECT_EQ(row.Time("n"), WallTime()); },
      [](const PostgresRow& row) {
        EXPECT_EQ(row.Parsed("n", [](std::string_view) { return std::optional(7); }), 0);
      }};
  for (const auto& read : reads) ExpectProblem(sql, read, "n", "is null");
}

TEST_F(PostgresRowTest, RowWithoutTheColumnIsInternal) {
  const char* sql = "SELECT 1 AS n FROM generate_series(1, 3)";
  const std::vector<std::function<void(const PostgresRow&)>> reads = {
      [](const PostgresRow& row) { EXPECT_EQ(row.Int64("other"), 0); },
      [](const PostgresRow& row) { EXPECT_EQ(row.Text("other"), ""); },
      [](const PostgresRow& row) { EXPECT_TRUE(row.IsNull("other")); }};
  for (const auto& read : reads) ExpectProblem(sql, read, "other", "is missing");
}

TEST_F(PostgresRowTest, RowWithTextThatIsNoNumberIsInternal) {
  for (const char* sql : {"SELECT 'secret' AS n FROM generate_series(1, 3)",
                          "SELECT '12secret' AS n FROM generate_series(1, 3)",
                          "SELECT '' AS n FROM generate_series(1, 3)",
                          "SELECT 1.5 AS n FROM generate_series(1, 3)"}) {
    ExpectProblem(
        sql, [](const PostgresRow& row) { row.Int64("n"); }, "n", "holds no whole number");
  }
}

TEST_F(PostgresRowTest, RowWithANumberOutOfRangeIsInternal) {
  ExpectProblem(
      "SELECT 3000000000 AS n FROM generate_series(1, 3)",
      [](const PostgresRow& row) { row.Int32("n"); }, "n", "out of range");
  ExpectProblem(
      "SELECT 9223372036854775808 AS n FROM generate_series(1, 3)",
      [](const PostgresRow& row) { row.Int64("n"); }, "n", "out of range");
}

TEST_F(PostgresRowTest, RowWithATimeOutOfRangeIsInternal) {
  for (const char* sql :
       {"SELECT 9223372036854775807 AS n FROM generate_series(1, 3)",
        "SELECT (-9223372036854775808)::bigint AS n FROM generate_series(1, 3)"}) {
    ExpectProblem(
        sql, [](const PostgresRow& row) { row.Time("n"); }, "n", "holds a time that is out of");
  }
}

TEST_F(PostgresRowTest, RowWithTextThatIsNoBooleanIsInternal) {
  ExpectProblem(
      "SELECT 'secret' AS n FROM generate_series(1, 3)",
      [](const PostgresRow& row) { EXPECT_FALSE(row.Bool("n")); }, "n", "holds no boolean");
}

TEST_F(PostgresRowTest, RowWithAValueThatTheParserDoesNotKnowIsInternal) {
  const auto parse = [](std::string_view text) {
    return text == "known" ? std::optional(7) : std::nullopt;
  };
  EXPECT_TRUE(Read("SELECT 'known' AS n", [&](const PostgresRow& row) {
                EXPECT_EQ(row.Parsed("n", parse), 7);
              }).ok());
  ExpectProblem(
      "SELECT 'secret' AS n FROM generate_series(1, 3)",
      [&](const PostgresRow& row) { EXPECT_EQ(row.Parsed("n", parse), 0); }, "n",
      "this program does not know");
}

TEST_F(PostgresRowTest, OnlyTheFirstProblemOfARowIsReported) {
  ExpectProblem(
      "SELECT NULL AS first, 'secret' AS second",
      [](const PostgresRow& row) {
        row.Text("first");
        row.Int64("second");
      },
      "first", "is null");
}

TEST_F(PostgresRowTest, AReaderThatThrowsIsInternalWithoutWhatItSays) {
  const absl::Status status =
      Read("SELECT 1 AS n", [](const PostgresRow&) { throw std::runtime_error("secret"); });
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("the rows of read"));
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
}

TEST_F(PostgresRowTest, QueryMapsEveryRowAndFindRowTheFirst) {
  const PostgresStatement three = {"three", "SELECT n FROM generate_series(1, 3) AS n"};
  const PostgresStatement none = {"none", "SELECT 1 AS n WHERE false"};
  const auto to_number = [](const PostgresRow& row) { return row.Int64("n"); };
  const auto all = pool_->Query(CallFor(), three, {}, to_number);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_THAT(*all, ::testing::ElementsAre(1, 2, 3));
  const auto first = pool_->FindRow(CallFor(), three, {}, to_number);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*first, 1);
  const auto nothing = pool_->FindRow(CallFor(), none, {}, to_number);
  ASSERT_TRUE(nothing.ok()) << nothing.status();
  EXPECT_EQ(*nothing, std::nullopt);
}

TEST_F(PostgresRowTest, QueryAnswersNoRowsIfOneOfThemHasAProblem) {
  const PostgresStatement statement = {
      "some", "SELECT CASE WHEN n < 3 THEN n END AS n FROM generate_series(1, 3) AS n"};
  const auto all =
      pool_->Query(CallFor(), statement, {}, [](const PostgresRow& row) { return row.Int64("n"); });
  EXPECT_TRUE(absl::IsInternal(all.status())) << all.status();
}

TEST_F(PostgresRowTest, ExecuteCountsTheRowsThatChanged) {
  Ask("CREATE TABLE t (n int)");
  const auto inserted =
      pool_->Execute(CallFor(), {"fill", "INSERT INTO t SELECT generate_series(1, 3)"});
  ASSERT_TRUE(inserted.ok()) << inserted.status();
  EXPECT_EQ(*inserted, 3);
  const auto deleted =
      pool_->Execute(CallFor(), {"clear", "DELETE FROM t WHERE n > $1"}, {std::int64_t{7}});
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_EQ(*deleted, 0);
}

TEST_F(PostgresRowTest, TransactionWithARowThatCannotBeReadIsRolledBack) {
  Ask("CREATE TABLE t (n int)");
  const absl::Status status = pool_->Transact(CallFor(), [](PostgresSession& session) {
    const auto inserted = session.Query({"insert", "INSERT INTO t VALUES (1) RETURNING NULL AS n"},
                                        {}, [](const PostgresRow& row) { return row.Int64("n"); });
    EXPECT_TRUE(absl::IsInternal(inserted.status())) << inserted.status();
    // The body lost the error; later statements and the commit are refused with it.
    EXPECT_TRUE(absl::IsInternal(session.Execute({"again", "INSERT INTO t VALUES (2)"}).status()));
    return absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "0");
}

TEST_F(PostgresRowTest, AConnectionWhoseRowsCouldNotBeReadServesTheNextCall) {
  options_.max_connections = 1;
  const auto pool = MakePool();
  const PostgresStatement statement = {"backend", "SELECT pg_backend_pid() AS pid"};
  const auto to_pid = [](const PostgresRow& row) { return row.Int32("pid"); };
  const auto before = pool->FindRow(CallFor(), statement, {}, to_pid);
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_FALSE(pool->ForEachRow(CallFor(), {"bad", "SELECT NULL AS n"}, {},
                                [](const PostgresRow& row) { row.Int64("n"); })
                   .ok());
  const auto after = pool->FindRow(CallFor(), statement, {}, to_pid);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(*before, *after);
}

}  // namespace
}  // namespace scaleout
