#include "service/events/outbox_store.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace scaleout {
namespace {

// A lock of two numbers, which no other part of the suite takes. The commit does not wait for the
// disk: what a crash takes back of it is published, or begun, once more.
constexpr PostgresStatement kLockOutbox = {
    "lock_outbox",
    "SELECT set_config('synchronous_commit', 'off', true) AS commit"
    " FROM pg_advisory_xact_lock(hashtext('outbox'), 1)"};

constexpr PostgresStatement kReadIncarnations = {"read_incarnations",
                                                 "SELECT kind, incarnation FROM outbox_streams"};

constexpr PostgresStatement kReadUnpublished = {
    "read_unpublished",
    "SELECT o.id, o.event_id, o.kind, o.aggregate_id, o.type, o.payload,"
    " (date_part('epoch', o.created_at) * 1000000)::bigint AS created_us,"
    " nextval('outbox_numbers') AS number,"
    " coalesce((SELECT max(e.id) FROM outbox AS e WHERE e.kind = o.kind"
    "           AND e.aggregate_id = o.aggregate_id AND e.id < o.id), 0) AS after"
    " FROM (SELECT * FROM outbox WHERE number IS NULL AND kind = ANY($1::text[]) AND id > $3"
    "       ORDER BY id LIMIT $2) AS o"};

// Statements of one table: a join would be planned while the table is empty, and the plan kept.
constexpr PostgresStatement kMarkPublished = {
    "mark_published",
    "UPDATE outbox SET number = ($2::bigint[])[array_position($1::bigint[], id)]"
    " WHERE id = ANY($1::bigint[]) AND number IS NULL"};

#define NTH_NUMBER(n)                                                          \
  "coalesce((SELECT number FROM outbox WHERE kind = $1 AND number IS NOT NULL" \
  "          ORDER BY number OFFSET " n " - 1 LIMIT 1), 9007199254740991)"

constexpr PostgresStatement kForgetPublished = {
    "forget_published",
    "UPDATE outbox SET number = NULL WHERE kind = $1 AND number <= " NTH_NUMBER("$2")};

constexpr PostgresStatement kStoreIncarnation = {
    "store_incarnation",
    "INSERT INTO outbox_streams (kind, incarnation) VALUES ($1, $2)"
    " ON CONFLICT (kind) DO UPDATE SET incarnation = excluded.incarnation, begun_at = now()"};

// A crash may have taken back numbers that entries of the incarnation before had, and consumers may
// still acknowledge those. Unlike those that are given singly, this step waits for the disk.
constexpr PostgresStatement kSkipNumbers = {
    "skip_numbers",
    "SELECT set_config('synchronous_commit', 'on', true) AS commit,"
    " setval('outbox_numbers', last_value + 1000000) AS number FROM outbox_numbers"};

// An incarnation that began meanwhile has taken the rows' numbers away, or given them others.
constexpr PostgresStatement kDeleteAcknowledged = {
    "delete_acknowledged",
    "DELETE FROM outbox WHERE kind = $1 AND number <= $3"
    " AND (SELECT incarnation FROM outbox_streams WHERE kind = $1) = $2"
    " AND number <= " NTH_NUMBER("$4")};

#undef NTH_NUMBER
constexpr PostgresStatement kRaiseNumbers = {
    "raise_numbers",
    "SELECT setval('outbox_numbers', greatest(last_value, $1)) AS number FROM outbox_numbers"};

constexpr PostgresStatement kReadFigures = {
    "read_outbox_figures",
    "SELECT (SELECT count(*) FROM (SELECT FROM outbox WHERE number IS NULL LIMIT $1) AS u)"
    "         AS unpublished,"
    " (SELECT count(*) FROM (SELECT FROM outbox WHERE number IS NOT NULL LIMIT $1) AS p)"
    "         AS published,"
    " (SELECT count(*) FROM (SELECT FROM dead_letters LIMIT $1) AS l) AS dead,"
    " coalesce((SELECT greatest((date_part('epoch', clock_timestamp() - created_at)"
    "                            * 1000000)::bigint, 0)"
    "           FROM outbox WHERE number IS NULL ORDER BY id LIMIT 1), 0) AS oldest_age_us"};

UnpublishedEvent ToUnpublishedEvent(const PostgresRow& row) {
  UnpublishedEvent unpublished;
  unpublished.event = {row.Text("event_id"), row.Text("type"),   row.Int64("aggregate_id"),
                       row.Int64("id"),      row.Int64("after"), row.Int64("created_us"),
                       row.Text("payload")};
  unpublished.kind = row.Text("kind");
  unpublished.number = row.Int64("number");
  return unpublished;
}

auto AddIncarnationsTo(std::map<std::string, std::string>& incarnations) {
  return [&incarnations](const PostgresRow& row) {
    incarnations[row.Text("kind")] = row.Text("incarnation");
  };
}

OutboxFigures ToFigures(const PostgresRow& row) {
  return {row.Int64("unpublished"), row.Int64("published"), row.Int64("dead"),
          static_cast<double>(row.Int64("oldest_age_us")) / 1e6};
}

int ToNothing(const PostgresRow&) { return 0; }

}  // namespace

absl::Status LockOutbox(PostgresSession& session) {
  return session.Query(kLockOutbox, {}, ToNothing).status();
}

absl::StatusOr<std::map<std::string, std::string>> ReadIncarnations(PostgresSession& session) {
  std::map<std::string, std::string> incarnations;
  const absl::Status read =
      session.ForEachRow(kReadIncarnations, {}, AddIncarnationsTo(incarnations));
  if (!read.ok()) return read;
  return incarnations;
}

absl::StatusOr<std::vector<UnpublishedEvent>> ReadUnpublished(PostgresSession& session,
                                                              const std::vector<std::string>& kinds,
                                                              std::int64_t above, int limit) {
  absl::StatusOr<std::vector<UnpublishedEvent>> events =
      session.Query(kReadUnpublished, {kinds, limit, above}, ToUnpublishedEvent);
  if (!events.ok()) return events;
  // SQL promises neither the rows' order nor that the numbers are drawn in it.
  std::vector<std::int64_t> numbers;
  for (const UnpublishedEvent& event : *events) numbers.push_back(event.number);
  std::ranges::sort(numbers);
  std::ranges::sort(*events, {},
                    [](const UnpublishedEvent& event) { return event.event.sequence; });
  for (std::size_t i = 0; i < numbers.size(); ++i) (*events)[i].number = numbers[i];
  return events;
}

absl::Status MarkPublished(PostgresSession& session, const std::vector<UnpublishedEvent>& events) {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> numbers;
  for (const UnpublishedEvent& event : events) {
    ids.push_back(event.event.sequence);
    numbers.push_back(event.number);
  }
  return session.Execute(kMarkPublished, {ids, numbers}).status();
}

absl::StatusOr<std::int64_t> ForgetPublished(PostgresSession& session, const std::string& kind,
                                             int limit) {
  return session.Execute(kForgetPublished, {kind, limit});
}

absl::Status StoreIncarnation(PostgresSession& session, const std::string& kind,
                              const std::string& incarnation) {
  const absl::Status skipped = session.Query(kSkipNumbers, {}, ToNothing).status();
  if (!skipped.ok()) return skipped;
  return session.Execute(kStoreIncarnation, {kind, incarnation}).status();
}

absl::StatusOr<std::map<std::string, std::string>> ReadIncarnations(const CallContext& call,
                                                                    PostgresPool& pool) {
  std::map<std::string, std::string> incarnations;
  const absl::Status read =
      pool.ForEachRow(call, kReadIncarnations, {}, AddIncarnationsTo(incarnations));
  if (!read.ok()) return read;
  return incarnations;
}

absl::StatusOr<std::int64_t> DeleteAcknowledged(const CallContext& call, PostgresPool& pool,
                                                const std::string& kind,
                                                const std::string& incarnation, std::int64_t number,
                                                int limit) {
  return pool.Execute(call, kDeleteAcknowledged, {kind, incarnation, number, limit});
}

absl::Status RaiseNumbers(const CallContext& call, PostgresPool& pool, std::int64_t number) {
  return pool.FindRow(call, kRaiseNumbers, {number}, ToNothing).status();
}

absl::StatusOr<OutboxFigures> ReadOutboxFigures(const CallContext& call, PostgresPool& pool) {
  const absl::StatusOr<std::optional<OutboxFigures>> figures =
      pool.FindRow(call, kReadFigures, {kMaxCountedRows}, ToFigures);
  if (!figures.ok()) return figures.status();
  return figures->value_or(OutboxFigures());
}

}  // namespace scaleout
