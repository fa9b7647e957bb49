#include "service/events/event_relay.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "proto/scaleout/events/v1/event.h"
#include "service/events/event_faults.h"

namespace scaleout {
namespace {

const std::string& IncarnationOf(const std::map<std::string, std::string>& incarnations,
                                 const std::string& kind) {
  static const std::string none;
  const auto found = incarnations.find(kind);
  return found == incarnations.end() ? none : found->second;
}

}  // namespace

EventRelay::EventRelay(PostgresPool& pool, StreamWriter& writer,
                       const std::vector<PublishedStream>& streams,
                       const EventRelayOptions& options, const Clock& clock, Logger& logger,
                       EventMetrics& metrics, std::function<bool()> is_stopping,
                       const FaultPoints& faults)
    : pool_(pool),
      writer_(writer),
      streams_(streams),
      options_(options),
      clock_(clock),
      logger_(logger),
      metrics_(metrics),
      is_stopping_(std::move(is_stopping)),
      faults_(faults),
      next_trim_(clock.Now()),
      next_figures_(clock.Now()) {}

absl::Status EventRelay::Round() {
  while (true) {
    if (clock_.Now() >= next_trim_) {
      if (absl::Status trimmed = Trim(); !trimmed.ok()) return trimmed;
    }
    const absl::StatusOr<std::size_t> found = PublishBatch();
    if (!found.ok()) {
      next_trim_ = clock_.Now();
      return found.status();
    }
    if (raise_to_ > 0) {
      const absl::Status raised = RaiseNumbers(StepCall(), pool_, std::exchange(raise_to_, 0));
      if (!raised.ok()) return raised;
    } else if (std::exchange(to_begin_, false)) {
      next_trim_ = clock_.Now();
    } else if (*found < static_cast<std::size_t>(options_.batch) || is_stopping_()) {
      return absl::OkStatus();
    }
  }
}

absl::Status EventRelay::Trim() {
  // Before the streams are asked: it is when they are away that the figures matter.
  if (clock_.Now() >= next_figures_) {
    const absl::StatusOr<OutboxFigures> figures = ReadOutboxFigures(StepCall(), pool_);
    if (!figures.ok()) return figures.status();
    metrics_.Set(*figures);
    next_figures_ = clock_.Now() + options_.trim_interval;
  }
  auto incarnations = ReadIncarnations(StepCall(), pool_);
  if (!incarnations.ok()) return incarnations.status();
  incarnations_ = *std::move(incarnations);
  for (const PublishedStream& stream : streams_) {
    const absl::Status trimmed = TrimStream(stream, IncarnationOf(incarnations_, stream.kind));
    if (!trimmed.ok()) return trimmed;
  }
  look_above_ = 0;
  next_trim_ =
      clock_.Now() + (full_.empty() ? options_.trim_interval : options_.full_trim_interval);
  return absl::OkStatus();
}

absl::Status EventRelay::TrimStream(const PublishedStream& stream, const std::string& incarnation) {
  if (incarnation.empty()) return Begin(stream, incarnation);
  const absl::StatusOr<TrimAnswer> answer =
      writer_.TrimAcknowledged(events::v1::StreamOf(stream.kind), incarnation, stream.groups);
  if (!answer.ok()) return answer.status();
  if (answer->verdict != StreamVerdict::kDone) return Begin(stream, incarnation);
  SetFull(stream.kind, answer->length + options_.batch > options_.max_length);
  while (true) {
    const absl::StatusOr<std::int64_t> deleted = DeleteAcknowledged(
        StepCall(), pool_, stream.kind, incarnation, answer->acknowledged, options_.row_batch);
    if (!deleted.ok()) return deleted.status();
    if (*deleted < options_.row_batch) return absl::OkStatus();
  }
}

absl::StatusOr<std::size_t> EventRelay::PublishBatch() {
  std::size_t found = 0;
  std::vector<UnpublishedEvent> published;
  absl::Status appended;
  const absl::Status committed =
      pool_.Transact(StepCall(), [&](PostgresSession& session) -> absl::Status {
        if (absl::Status locked = LockOutbox(session); !locked.ok()) return locked;
        const absl::StatusOr<std::vector<UnpublishedEvent>> events =
            ReadUnpublished(session, OpenKinds(), look_above_, options_.batch);
        if (!events.ok()) return events.status();
        found = events->size();
        if (found == 0) return absl::OkStatus();
        appended = Append(*events, published);
        if (published.empty()) return absl::OkStatus();
        faults_.Pass(kAfterPublish);
        return MarkPublished(session, published);
      });
  if (!committed.ok()) return committed;
  for (const UnpublishedEvent& event : published) {
    metrics_.Count(event.event.type, EventOutcome::kPublished);
  }
  if (!appended.ok()) return appended;
  if (found > 0 && published.size() == found) {
    // Not those that were left, because their stream is full or another one now.
    for (const UnpublishedEvent& event : published) {
      look_above_ = std::max(look_above_, event.event.sequence - options_.look_back);
    }
  }
  return found;
}

absl::Status EventRelay::Append(const std::vector<UnpublishedEvent>& events,
                                std::vector<UnpublishedEvent>& published) {
  for (const PublishedStream& stream : streams_) {
    std::vector<NumberedEntry> entries;
    for (const UnpublishedEvent& event : events) {
      if (event.kind != stream.kind) continue;
      entries.push_back({event.number, events::v1::ToFields(event.event)});
    }
    if (entries.empty()) continue;
    const std::string& incarnation = IncarnationOf(incarnations_, stream.kind);
    if (incarnation.empty()) {
      to_begin_ = true;
      continue;
    }
    const absl::StatusOr<AppendAnswer> answer = writer_.Append(
        events::v1::StreamOf(stream.kind), incarnation, options_.max_length, entries);
    if (!answer.ok()) return answer.status();
    switch (answer->verdict) {
      case StreamVerdict::kDone:
        std::ranges::copy_if(
            events, std::back_inserter(published),
            [&](const UnpublishedEvent& event) { return event.kind == stream.kind; });
        break;
      case StreamVerdict::kOtherIncarnation:
        to_begin_ = true;
        break;
      case StreamVerdict::kFull:
        SetFull(stream.kind, true);
        next_trim_ = std::min(next_trim_, clock_.Now() + options_.full_trim_interval);
        break;
      case StreamVerdict::kNumberTooLow:
        // The database has forgotten numbers that it gave: it crashed, or is an older copy.
        raise_to_ = std::max(raise_to_, answer->last_number);
        break;
    }
  }
  return absl::OkStatus();
}

absl::Status EventRelay::Begin(const PublishedStream& stream, const std::string& seen) {
  std::string begun;
  std::int64_t forgotten = 0;
  // All of the rows at once would take longer than a statement may.
  do {
    const absl::Status committed =
        pool_.Transact(StepCall(), [&](PostgresSession& session) -> absl::Status {
          if (absl::Status locked = LockOutbox(session); !locked.ok()) return locked;
          const auto now = ReadIncarnations(session);
          if (!now.ok()) return now.status();
          forgotten = 0;
          if (IncarnationOf(*now, stream.kind) != seen) return absl::OkStatus();
          const auto rows = ForgetPublished(session, stream.kind, options_.row_batch);
          if (!rows.ok()) return rows.status();
          forgotten = *rows;
          if (forgotten == options_.row_batch) return absl::OkStatus();
          const absl::StatusOr<std::string> incarnation =
              writer_.Begin(events::v1::StreamOf(stream.kind), stream.groups);
          if (!incarnation.ok()) return incarnation.status();
          begun = *incarnation;
          return StoreIncarnation(session, stream.kind, *incarnation);
        });
    if (!committed.ok()) return committed;
  } while (forgotten == options_.row_batch);
  if (!begun.empty()) {
    incarnations_[stream.kind] = begun;
    SetFull(stream.kind, false);
    logger_.Info(seen.empty() ? "stream begun" : "stream begun anew: what it had may be lost",
                 {{"kind", stream.kind}});
  }
  return absl::OkStatus();
}

void EventRelay::SetFull(const std::string& kind, bool full) {
  if (full_.contains(kind) == full) return;
  if (full) {
    full_.insert(kind);
    logger_.Warn("stream is full: a group of consumers is behind, events wait in the database",
                 {{"kind", kind}, {"maxLength", options_.max_length}});
  } else {
    full_.erase(kind);
    logger_.Info("stream has room again", {{"kind", kind}});
  }
}

std::vector<std::string> EventRelay::OpenKinds() const {
  std::vector<std::string> kinds;
  for (const PublishedStream& stream : streams_) {
    if (!full_.contains(stream.kind)) kinds.push_back(stream.kind);
  }
  return kinds;
}

CallContext EventRelay::StepCall() const {
  CallContext call;
  call.deadline = Deadline::In(kRelayStepLimit, clock_);
  call.is_cancelled = is_stopping_;
  return call;
}

}  // namespace scaleout
