#include "service/events/inbox.h"

#include <algorithm>
#include <optional>

#include "common/str_cat.h"
#include "common/utf8.h"

namespace scaleout {
namespace {

// For the transaction.
constexpr PostgresStatement kLimitLockWaits = {
    "limit_lock_waits", "SELECT set_config('lock_timeout', $1, true) AS lock_timeout"};

// In one order everywhere, so that two replicas do not wait for each other. LATERAL: a look-up for
// each, also where the plan was made while the table was empty.
constexpr PostgresStatement kReadPositions = {
    "read_positions",
    "SELECT i.kind, i.aggregate_id, i.sequence FROM"
    " (SELECT * FROM unnest($2::text[], $3::bigint[]) AS u (kind, aggregate_id)"
    "  ORDER BY kind, aggregate_id) AS a"
    " CROSS JOIN LATERAL (SELECT * FROM inbox WHERE consumer = $1 AND kind = a.kind"
    "  AND aggregate_id = a.aggregate_id FOR UPDATE) AS i"};

// A position that was read is locked; a new aggregate has none, which any replica may insert first.
constexpr PostgresStatement kBeginPositions = {
    "begin_positions",
    "INSERT INTO inbox (consumer, kind, aggregate_id, sequence)"
    " SELECT $1, a.kind, a.aggregate_id, a.sequence"
    " FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS a (kind, aggregate_id, sequence)"
    " ORDER BY a.kind, a.aggregate_id ON CONFLICT DO NOTHING"};

constexpr PostgresStatement kMovePositions = {
    "move_positions",
    "INSERT INTO inbox AS i (consumer, kind, aggregate_id, sequence)"
    " SELECT $1, a.kind, a.aggregate_id, a.sequence"
    " FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS a (kind, aggregate_id, sequence)"
    " ORDER BY a.kind, a.aggregate_id"
    " ON CONFLICT (consumer, kind, aggregate_id) DO UPDATE SET sequence = excluded.sequence"
    " WHERE i.sequence < excluded.sequence"};

constexpr PostgresStatement kForgetFailures = {
    "forget_failures",
    "DELETE FROM inbox_failures WHERE consumer = $1 AND event_id = ANY($2::uuid[])"};

constexpr PostgresStatement kReadFailures = {
    "read_failures",
    "SELECT event_id, retry_at <= clock_timestamp() AS due FROM inbox_failures"
    " WHERE consumer = $1 AND event_id = ANY($2::uuid[])"};

// Pauses of 0.1 s, 0.2 s, 0.4 s up to 10 s.
constexpr PostgresStatement kCountFailure = {
    "count_failure",
    "INSERT INTO inbox_failures AS f (consumer, event_id, attempts, retry_at, error)"
    " VALUES ($1, $2, 1, clock_timestamp() + interval '100 milliseconds', $3)"
    " ON CONFLICT (consumer, event_id) DO UPDATE SET attempts = f.attempts + 1,"
    "  retry_at = clock_timestamp()"
    "   + least(power(2, least(f.attempts, 10)) * 0.1, 10) * interval '1 second',"
    "  error = excluded.error"
    " RETURNING attempts"};

constexpr PostgresStatement kBury = {
    "bury",
    "INSERT INTO dead_letters (consumer, stream, entry_id, fields, type, attempts, error)"
    " VALUES ($1, $2, $3, json_object($4::text[], $5::text[]), $6, $7, $8)"
    " ON CONFLICT (consumer, stream, entry_id) DO NOTHING"};

constexpr PostgresStatement kReadRedriven = {
    "read_redriven",
    "SELECT l.id, f.key AS name, f.value FROM"
    " (SELECT id, fields FROM dead_letters WHERE consumer = $1 AND redrive_at IS NOT NULL"
    "  ORDER BY id LIMIT $2) AS l"
    " LEFT JOIN LATERAL json_each_text(l.fields) AS f ON true ORDER BY l.id"};

constexpr PostgresStatement kUnbury = {
    "unbury",
    "DELETE FROM dead_letters WHERE consumer = $1 AND id = $2 AND redrive_at IS NOT NULL"};

constexpr PostgresStatement kRefuseRedrive = {
    "refuse_redrive",
    "UPDATE dead_letters SET redrive_at = NULL, attempts = attempts + 1, error = $3"
    " WHERE consumer = $1 AND id = $2 AND redrive_at IS NOT NULL"};

// What PostgreSQL takes as a text: entries may hold any bytes, and errors quote them.
std::string Printable(std::string_view text) {
  std::string printable = ToUtf8(text);
  std::ranges::replace(printable, '\0', '?');
  return printable;
}

}  // namespace

AggregateKey AggregateOf(const events::v1::Event& event) {
  return {std::string(events::v1::KindOf(event.type)), event.aggregate_id};
}

EventTurn TurnOf(const events::v1::Event& event, std::int64_t position) {
  if (event.sequence <= position) return EventTurn::kHandled;
  return event.after > position ? EventTurn::kTooEarly : EventTurn::kNow;
}

absl::Status LimitLockWaits(PostgresSession& session) {
  static const std::string limit = StrCat(kInboxLockLimit.count(), "ms");
  return session.Execute(kLimitLockWaits, {limit}).status();
}

absl::StatusOr<std::map<AggregateKey, std::int64_t>> Inbox::ReadPositions(
    PostgresSession& session, const std::set<AggregateKey>& aggregates) const {
  std::vector<std::string> kinds;
  std::vector<std::int64_t> ids;
  for (const auto& [kind, id] : aggregates) {
    kinds.push_back(kind);
    ids.push_back(id);
  }
  std::map<AggregateKey, std::int64_t> positions;
  const absl::Status read =
      session.ForEachRow(kReadPositions, {consumer_, kinds, ids}, [&](const PostgresRow& row) {
        positions[{row.Text("kind"), row.Int64("aggregate_id")}] = row.Int64("sequence");
      });
  if (!read.ok()) return read;
  return positions;
}

absl::Status Inbox::Advance(PostgresSession& session,
                            const std::map<AggregateKey, InboxStep>& steps) const {
  // Those that were read are locked; of the others any replica may be the first.
  for (const bool begin : {false, true}) {
    std::vector<std::string> kinds;
    std::vector<std::int64_t> ids;
    std::vector<std::int64_t> sequences;
    for (const auto& [aggregate, step] : steps) {
      if ((step.from == 0) != begin) continue;
      kinds.push_back(aggregate.first);
      ids.push_back(aggregate.second);
      sequences.push_back(step.to);
    }
    if (kinds.empty()) continue;
    const absl::StatusOr<std::int64_t> advanced = session.Execute(
        begin ? kBeginPositions : kMovePositions, {consumer_, kinds, ids, sequences});
    if (!advanced.ok()) return advanced.status();
    if (*advanced != static_cast<std::int64_t>(kinds.size())) {
      return absl::AbortedError("another replica has handled one of the events meanwhile");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, bool>> Inbox::ReadFailures(
    const CallContext& call, PostgresPool& pool, const std::vector<std::string>& event_ids) const {
  std::map<std::string, bool> due;
  const absl::Status read =
      pool.ForEachRow(call, kReadFailures, {consumer_, event_ids},
                      [&](const PostgresRow& row) { due[row.Text("event_id")] = row.Bool("due"); });
  if (!read.ok()) return read;
  return due;
}

absl::StatusOr<int> Inbox::CountFailure(PostgresSession& session, const std::string& event_id,
                                        const std::string& error) const {
  const absl::StatusOr<std::optional<int>> attempts =
      session.FindRow(kCountFailure, {consumer_, event_id, Printable(error)},
                      [](const PostgresRow& row) { return int{row.Int32("attempts")}; });
  if (!attempts.ok()) return attempts.status();
  return attempts->value_or(0);
}

absl::Status Inbox::ForgetFailures(PostgresSession& session,
                                   const std::vector<std::string>& event_ids) const {
  if (event_ids.empty()) return absl::OkStatus();
  return session.Execute(kForgetFailures, {consumer_, event_ids}).status();
}

absl::Status Inbox::Bury(PostgresSession& session, const DeadLetter& letter) const {
  std::vector<std::string> names;
  std::vector<std::string> values;
  for (const auto& [name, value] : letter.fields) {
    names.push_back(Printable(name));
    values.push_back(Printable(value));
  }
  return session
      .Execute(kBury, {consumer_, letter.stream, Printable(letter.entry_id), names, values,
                       Printable(letter.type), letter.attempts, Printable(letter.error)})
      .status();
}

absl::StatusOr<std::vector<RedrivenLetter>> Inbox::ReadRedriven(const CallContext& call,
                                                                PostgresPool& pool,
                                                                int limit) const {
  std::vector<RedrivenLetter> letters;
  const absl::Status read =
      pool.ForEachRow(call, kReadRedriven, {consumer_, limit}, [&](const PostgresRow& row) {
        const std::int64_t id = row.Int64("id");
        if (letters.empty() || letters.back().id != id) letters.push_back({id, {}});
        if (row.IsNull("name")) return;
        letters.back().fields.emplace_back(row.Text("name"), row.Text("value"));
      });
  if (!read.ok()) return read;
  return letters;
}

absl::Status Inbox::Unbury(PostgresSession& session, std::int64_t id) const {
  const absl::StatusOr<std::int64_t> deleted = session.Execute(kUnbury, {consumer_, id});
  if (!deleted.ok()) return deleted.status();
  if (*deleted == 0) return absl::AbortedError("another replica has taken the dead letter");
  return absl::OkStatus();
}

absl::Status Inbox::RefuseRedrive(const CallContext& call, PostgresPool& pool, std::int64_t id,
                                  const std::string& error) const {
  return pool.Execute(call, kRefuseRedrive, {consumer_, id, Printable(error)}).status();
}

}  // namespace scaleout
