#include "postgres/postgres_migrations.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <utility>

#include "common/checksum.h"
#include "common/str_cat.h"

namespace scaleout {
namespace {

// The same in every service: an advisory lock is the database's own.
constexpr const char* kLock =
    "SET lock_timeout = '3s'; SELECT pg_advisory_lock(7258347629); SET lock_timeout = 0";
constexpr const char* kUnlock = "SELECT pg_advisory_unlock(7258347629)";
constexpr const char* kCreateTable =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "  version integer PRIMARY KEY,"
    "  file text NOT NULL,"
    "  checksum text NOT NULL,"
    "  applied_at timestamptz NOT NULL DEFAULT now())";
constexpr PostgresStatement kListApplied = {
    "list_applied_migrations",
    "SELECT version, file, checksum FROM schema_migrations ORDER BY version"};

constexpr std::size_t kDigits = 4;

// 0 if the name has not the shape NNNN_name.sql.
int VersionOf(std::string_view file) {
  if (file.size() <= kDigits + 5 || file[kDigits] != '_' || !file.ends_with(".sql")) return 0;
  int version = 0;
  const char* end = file.data() + kDigits;
  const auto [parsed, error] = std::from_chars(file.data(), end, version);
  return error == std::errc() && parsed == end ? version : 0;
}

AppliedMigration ToAppliedMigration(const PostgresRow& row) {
  return {row.Int32("version"), row.Text("file"), row.Text("checksum")};
}

absl::Status ApplyPending(const CallContext& call, PostgresConnection& connection,
                          const std::vector<Migration>& migrations, std::string_view seed_sql,
                          Logger& logger) {
  if (absl::Status status = connection.ExecScript(call, kCreateTable); !status.ok()) return status;
  const absl::StatusOr<std::vector<AppliedMigration>> applied =
      connection.QueryOnce(call, kListApplied, ToAppliedMigration);
  if (!applied.ok()) return applied.status();
  if (absl::Status status = CheckApplied(migrations, *applied); !status.ok()) return status;
  for (std::size_t i = applied->size(); i < migrations.size(); ++i) {
    const Migration& migration = migrations[i];
    // The file's name and checksum need no quoting: ParseMigrations and the build saw to it.
    const std::string script =
        StrCat(migration.text, "\n;INSERT INTO schema_migrations(version, file, checksum) VALUES (",
               migration.version, ", '", migration.file, "', '", migration.checksum, "')");
    if (absl::Status status = connection.ExecScript(call, script); !status.ok()) {
      return absl::Status(status.code(), StrCat("migration ", migration.file,
                                                " failed: ", FromAbsl(status.message())));
    }
    logger.Info("migration applied", {{"file", migration.file}});
  }
  if (seed_sql.empty()) return absl::OkStatus();
  return connection.ExecScript(call, std::string(seed_sql));
}

}  // namespace

absl::StatusOr<std::vector<Migration>> ParseMigrations(const std::vector<EmbeddedSql>& files) {
  std::vector<Migration> migrations;
  for (const EmbeddedSql& file : files) {
    Migration migration;
    migration.version = VersionOf(file.file);
    if (migration.version == 0 || file.file.find('\'') != std::string_view::npos) {
      return absl::InternalError(StrCat("migration ", file.file, " is not named NNNN_name.sql"));
    }
    migration.file = file.file;
    migration.text = file.text;
    migration.checksum = ChecksumText({file.text});
    migrations.push_back(std::move(migration));
  }
  std::ranges::sort(migrations, {}, &Migration::version);
  for (std::size_t i = 0; i < migrations.size(); ++i) {
    if (migrations[i].version != static_cast<int>(i) + 1) {
      return absl::InternalError(
          StrCat("migration ", migrations[i].file, " should have number ", i + 1));
    }
  }
  return migrations;
}

absl::Status CheckApplied(const std::vector<Migration>& migrations,
                          const std::vector<AppliedMigration>& applied) {
  for (std::size_t i = 0; i < applied.size(); ++i) {
    if (applied[i].version != static_cast<int>(i) + 1) {
      return absl::FailedPreconditionError(
          StrCat("schema_migrations has no row for number ", i + 1));
    }
    if (i < migrations.size() && applied[i].checksum != migrations[i].checksum) {
      return absl::FailedPreconditionError(
          StrCat("migration ", migrations[i].file, " was applied as ", applied[i].file,
                 " with checksum ", applied[i].checksum, " and has checksum ",
                 migrations[i].checksum, " now; applied files must not change"));
    }
  }
  return absl::OkStatus();
}

absl::Status ApplyMigrations(const CallContext& call, PostgresConnection& connection,
                             const std::vector<Migration>& migrations, std::string_view seed_sql,
                             Logger& logger) {
  if (absl::Status status = connection.ExecUnwrapped(call, kLock); !status.ok()) return status;
  absl::Status status = ApplyPending(call, connection, migrations, seed_sql, logger);
  const absl::Status unlocked = connection.ExecUnwrapped(call, kUnlock);
  return status.ok() ? unlocked : status;
}

}  // namespace scaleout
