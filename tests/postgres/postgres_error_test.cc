#include "postgres/postgres_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pqxx/except>

#include <stdexcept>

#include "common/status.h"

namespace scaleout {
namespace {

template <typename Exception>
PostgresError Thrown(const Exception& exception) {
  try {
    throw exception;
  } catch (...) {
    return CurrentPostgresError();
  }
}

TEST(PostgresError, HasACodeForEverySqlState) {
  const struct {
    const char* sqlstate;
    absl::StatusCode code;
    bool lost;
  } cases[] = {
      {"23505", absl::StatusCode::kAlreadyExists, false},
      {"23503", absl::StatusCode::kFailedPrecondition, false},
      {"23514", absl::StatusCode::kInvalidArgument, false},
      {"23502", absl::StatusCode::kInvalidArgument, false},
      {"22003", absl::StatusCode::kInvalidArgument, false},
      {"57014", absl::StatusCode::kDeadlineExceeded, false},
      {"40001", absl::StatusCode::kAborted, false},
      {"40P01", absl::StatusCode::kAborted, false},
      {"55P03", absl::StatusCode::kAborted, false},
      {"57P01", absl::StatusCode::kUnavailable, true},
      {"57P03", absl::StatusCode::kUnavailable, true},
      {"08006", absl::StatusCode::kUnavailable, true},
      {"28P01", absl::StatusCode::kUnavailable, true},
      {"3D000", absl::StatusCode::kUnavailable, true},
      {"25006", absl::StatusCode::kUnavailable, true},
      {"53100", absl::StatusCode::kUnavailable, false},
      {"53300", absl::StatusCode::kUnavailable, false},
      {"42601", absl::StatusCode::kInternal, false},
      {"", absl::StatusCode::kInternal, false},
  };
  for (const auto& expected : cases) {
    const PostgresError error = PostgresErrorOf(expected.sqlstate, "secret detail");
    EXPECT_EQ(error.status.code(), expected.code) << expected.sqlstate;
    EXPECT_EQ(error.connection_lost, expected.lost) << expected.sqlstate;
    EXPECT_THAT(std::string(error.status.message()),
                ::testing::Not(::testing::HasSubstr("secret")));
    EXPECT_THAT(error.detail, ::testing::HasSubstr("secret detail"));
  }
}

TEST(PostgresError, NamesTheReasonsThatCallersBranchOn) {
  EXPECT_EQ(ReasonOf(PostgresErrorOf("53100", "").status), "DATABASE_OVERLOADED");
  EXPECT_EQ(ReasonOf(PostgresErrorOf("57P01", "").status), "DATABASE_UNAVAILABLE");
  EXPECT_EQ(ReasonOf(Thrown(pqxx::in_doubt_error("gone")).status), "COMMIT_IN_DOUBT");
  EXPECT_EQ(ReasonOf(DatabaseUnavailable()), "DATABASE_UNAVAILABLE");
}

TEST(PostgresError, TranslatesEveryKindOfException) {
  EXPECT_TRUE(absl::IsUnavailable(Thrown(pqxx::broken_connection("gone")).status));
  EXPECT_TRUE(Thrown(pqxx::broken_connection("gone")).connection_lost);
  EXPECT_TRUE(absl::IsUnavailable(Thrown(pqxx::in_doubt_error("gone")).status));
  EXPECT_TRUE(Thrown(pqxx::in_doubt_error("gone")).connection_lost);
  EXPECT_TRUE(absl::IsAlreadyExists(Thrown(pqxx::unique_violation("a", "b", "23505")).status));
  EXPECT_TRUE(absl::IsInternal(Thrown(std::runtime_error("a defect")).status));
  EXPECT_FALSE(Thrown(std::runtime_error("a defect")).connection_lost);
}

}  // namespace
}  // namespace scaleout
