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

// The same in every service: an advisory lock is the database's own. It is asked for again and
// again, because a session that waits for it inside a statement holds up CREATE INDEX CONCURRENTLY
// in the session that has it.
constexpr PostgresStatement kTryLock = {"try_migration_lock",
                                        "SELECT pg_try_advisory_lock(7258347629) AS locked"};
constexpr const char* kUnlock = "SELECT pg_advisory_unlock(7258347629)";
constexpr int kLockTries = 60;
constexpr std::chrono::milliseconds kLockPause{50};
constexpr int kLongestPause = 10;  // times the lock timeout
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

// On the server, where it ends with the call.
absl::Status Pause(const CallContext& call, PostgresConnection& connection,
                   std::chrono::milliseconds pause) {
  return connection.ExecUnwrapped(
      call, StrCat("SELECT pg_sleep(", std::chrono::duration<double>(pause).count(), ")"));
}

absl::Status TakeLock(const CallContext& call, PostgresConnection& connection) {
  for (int i = 0; i < kLockTries; ++i) {
    const absl::StatusOr<std::vector<bool>> locked = connection.QueryOnce(
        call, kTryLock, [](const PostgresRow& row) { return row.Bool("locked"); });
    if (!locked.ok()) return locked.status();
    if (locked->front()) return absl::OkStatus();
    if (absl::Status status = Pause(call, connection, kLockPause); !status.ok()) return status;
  }
  return absl::AbortedError("another replica is migrating the database");
}

// The file's name and checksum need no quoting: ParseMigrations and the build saw to it.
std::string RecordOf(const Migration& migration) {
  return StrCat("INSERT INTO schema_migrations(version, file, checksum) VALUES (",
                migration.version, ", '", migration.file, "', '", migration.checksum, "')");
}

absl::Status ApplyInTransaction(const CallContext& call, PostgresConnection& connection,
                                const Migration& migration, Logger& logger,
                                const MigrationLimits& limits) {
  const std::string script = StrCat("SET LOCAL lock_timeout = ", limits.lock_timeout.count(), ";",
                                    migration.text, "\n;", RecordOf(migration));
  std::chrono::milliseconds pause = limits.lock_timeout;
  for (int attempt = 1;; ++attempt) {
    absl::Status status = connection.ExecScript(call, script);
    if (!absl::IsAborted(status)) return status;
    if (attempt == limits.attempts) {
      return absl::AbortedError(
          StrCat("did not get its locks in ", attempt, " attempts of ", limits.lock_timeout.count(),
                 " ms: another transaction holds them (pg_stat_activity, pg_locks)"));
    }
    logger.Warn(
        "migration waits for a lock",
        {{"file", migration.file}, {"attempt", attempt}, {"pauseMs", std::int64_t{pause.count()}}});
    status = Pause(call, connection, pause);
    if (!status.ok()) return status;
    pause = std::min(2 * pause, kLongestPause * limits.lock_timeout);
  }
}

// Each ended by a semicolon at the end of its line.
std::vector<std::string> StatementsOf(std::string_view text) {
  std::vector<std::string> statements;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(";\n"), text.size());
    const std::string_view statement = text.substr(0, end);
    if (statement.find_first_not_of(" \n;") != std::string_view::npos) {
      statements.emplace_back(statement);
    }
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return statements;
}

absl::Status ApplyStatements(const CallContext& call, PostgresConnection& connection,
                             const Migration& migration) {
  for (const std::string& statement : StatementsOf(migration.text)) {
    if (absl::Status status = connection.ExecUnwrapped(call, statement); !status.ok()) {
      return absl::Status(status.code(),
                          StrCat(FromAbsl(status.message()),
                                 "; it runs outside of a transaction: what is before the "
                                 "statement stays, and the file runs again at the next start"));
    }
  }
  return connection.ExecScript(call, RecordOf(migration));
}

absl::Status ApplyPending(const CallContext& call, PostgresConnection& connection,
                          const std::vector<Migration>& migrations, std::string_view seed_sql,
                          Logger& logger, const MigrationLimits& limits) {
  if (absl::Status status = connection.ExecScript(call, kCreateTable); !status.ok()) return status;
  const absl::StatusOr<std::vector<AppliedMigration>> applied =
      connection.QueryOnce(call, kListApplied, ToAppliedMigration);
  if (!applied.ok()) return applied.status();
  if (absl::Status status = CheckApplied(migrations, *applied); !status.ok()) return status;
  for (std::size_t i = applied->size(); i < migrations.size(); ++i) {
    const Migration& migration = migrations[i];
    const absl::Status status =
        migration.in_transaction ? ApplyInTransaction(call, connection, migration, logger, limits)
                                 : ApplyStatements(call, connection, migration);
    if (!status.ok()) {
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
    migration.in_transaction = !file.text.starts_with(kNoTransaction);
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
                             Logger& logger, const MigrationLimits& limits) {
  if (absl::Status status = TakeLock(call, connection); !status.ok()) return status;
  absl::Status status = ApplyPending(call, connection, migrations, seed_sql, logger, limits);
  // Unless the call is over, and the connection closed with the lock.
  const absl::Status unlocked = connection.ExecUnwrapped(call, kUnlock);
  return status.ok() ? unlocked : status;
}

}  // namespace scaleout
