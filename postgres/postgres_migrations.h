// Schema changes: numbered SQL files, applied once each, in order, by whichever replica comes
// first.
//
// The files (services/x/migrations/0001_name.sql) are embedded into the binary at build time (cmake
// in services/). Under one advisory lock per database each pending one runs in a transaction of its
// own, together with the row in schema_migrations that records it and the checksum of its text. A
// file that was applied must never change again: if its checksum differs the service does not
// start. There is no way down: a mistake is repaired by the next file.
//
// Live traffic goes on meanwhile. A statement that waits for a lock makes everything that comes
// after it wait too, so it waits for MigrationLimits::lock_timeout at most; the file is rolled back
// and tried again after a pause, a limited number of times.
//
// A file whose first line is kNoTransaction runs outside of a transaction, for what PostgreSQL
// demands it of (CREATE INDEX CONCURRENTLY): statement by statement, each ended by a semicolon at
// the end of a line, and without a lock timeout. If one fails, or the process ends, those before it
// stay, and so may half of it (an invalid index); nothing is recorded, and the whole file runs
// again at the next start. It has to be written so that it can (CONTRIBUTING.md).
#ifndef SCALEOUT_POSTGRES_POSTGRES_MIGRATIONS_H_
#define SCALEOUT_POSTGRES_POSTGRES_MIGRATIONS_H_

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/log.h"
#include "postgres/postgres_connection.h"

namespace scaleout {

// One embedded file: "0001_create_users.sql" and its text.
struct EmbeddedSql {
  std::string_view file;
  std::string_view text;
};

inline constexpr std::string_view kNoTransaction = "-- scaleout: no-transaction\n";

struct Migration {
  int version = 0;
  std::string file;
  std::string text;
  bool in_transaction = true;
  std::string checksum;  // of the text, 16 hex digits
};

// Numbers and checks the files: each named NNNN_name.sql, numbered 1, 2, 3 ... without a gap. A
// wrong set is INTERNAL: it is a defect of the build.
absl::StatusOr<std::vector<Migration>> ParseMigrations(const std::vector<EmbeddedSql>& files);

// What is applied, as schema_migrations records it.
struct AppliedMigration {
  int version = 0;
  std::string file;
  std::string checksum;
};

// OK if `applied` is the beginning of `migrations`, or goes beyond it (a newer replica was here:
// its changes must be compatible, which is the author's duty). FAILED_PRECONDITION naming the file
// whose text changed.
absl::Status CheckApplied(const std::vector<Migration>& migrations,
                          const std::vector<AppliedMigration>& applied);

struct MigrationLimits {
  std::chrono::milliseconds lock_timeout{500};
  // Of one file. The pauses between them double from lock_timeout to ten times that.
  int attempts = 8;
};

// Brings the database up to date, then runs `seed_sql` (unless empty) under the same advisory lock.
// ABORTED, and trying again makes sense, if another replica holds that lock for more than a few
// seconds, or if a file did not get its locks. Ends soon after `call` is over.
absl::Status ApplyMigrations(const CallContext& call, PostgresConnection& connection,
                             const std::vector<Migration>& migrations, std::string_view seed_sql,
                             Logger& logger, const MigrationLimits& limits = {});

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_MIGRATIONS_H_
