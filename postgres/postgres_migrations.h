// Schema changes: numbered SQL files, applied once each, in order, by whichever replica comes
// first.
//
// The files (services/x/migrations/0001_name.sql) are embedded into the binary at build time (cmake
// in services/). Under one advisory lock per database each pending one runs in a transaction of its
// own, together with the row in schema_migrations that records it and the checksum of its text. A
// file that was applied must never change again: if its checksum differs the service does not
// start. There is no way down: a mistake is repaired by the next file.
#ifndef SCALEOUT_POSTGRES_POSTGRES_MIGRATIONS_H_
#define SCALEOUT_POSTGRES_POSTGRES_MIGRATIONS_H_

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

struct Migration {
  int version = 0;
  std::string file;
  std::string text;
  std::string checksum;  // of the text, 16 hex digits
};

// Numbers and checks the files: each named NNNN_name.sql, numbered 1, 2, 3 ... without a gap. A
// wrong set is INTERNAL: it is a defect of the build.
absl::StatusOr<std::vector<Migration>> ParseMigrations(const std::vector<EmbeddedSql>& files);

// What is applied, as schema_migrations tells it.
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

// Brings the database up to date, then runs `seed_sql` (unless empty) under the same lock. ABORTED
// if another replica holds the lock for more than a few seconds: try again.
absl::Status ApplyMigrations(const CallContext& call, PostgresConnection& connection,
                             const std::vector<Migration>& migrations, std::string_view seed_sql,
                             Logger& logger);

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_MIGRATIONS_H_
