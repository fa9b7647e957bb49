#include "service/events/event_consumer.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "common/str_cat.h"
#include "service/events/event_faults.h"

namespace scaleout {
namespace {

// Whether trying again may help although the event stays the same.
bool IsOfTheEvent(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kResourceExhausted:
      return false;
    default:
      return true;
  }
}

std::map<std::string, EventHandler> ByType(const std::vector<ConsumedEvent>& consumes) {
  std::map<std::string, EventHandler> handlers;
  for (const ConsumedEvent& consumed : consumes) handlers[consumed.type] = consumed.handle;
  return handlers;
}

std::string TypeOf(const StreamFields& fields) {
  const auto found =
      std::ranges::find_if(fields, [](const auto& field) { return field.first == "type"; });
  return found == fields.end() ? std::string() : found->second;
}

}  // namespace

EventConsumer::EventConsumer(std::string name, PostgresPool& pool, StreamReader& reader,
                             Outbox& outbox, const std::vector<ConsumedEvent>& consumes,
                             const EventConsumerOptions& options, const Clock& clock,
                             Logger& logger, EventMetrics& metrics,
                             std::function<bool()> is_stopping, const FaultPoints& faults)
    : pool_(pool),
      reader_(reader),
      outbox_(outbox),
      handlers_(ByType(consumes)),
      options_(options),
      clock_(clock),
      logger_(logger),
      metrics_(metrics),
      is_stopping_(std::move(is_stopping)),
      faults_(faults),
      inbox_(std::move(name)),
      next_claim_(clock.Now()),
      next_redrive_(clock.Now()),
      next_forget_(clock.Now() + options.forget_consumers) {}

absl::Status EventConsumer::Round() {
  if (absl::Status handled = HandleHeld(); !handled.ok()) return handled;
  const MonotonicTime now = clock_.Now();
  if (now >= next_claim_) {
    if (absl::Status claimed = Claim(); !claimed.ok()) return claimed;
    next_claim_ = clock_.Now() + options_.claim_interval;
  }
  if (now >= next_forget_) {
    if (absl::Status done = reader_.ForgetConsumers(options_.forget_consumers); !done.ok()) {
      return done;
    }
    next_forget_ = clock_.Now() + options_.forget_consumers;
  }
  absl::StatusOr<std::vector<StreamEntry>> entries =
      reader_.ReadNew(options_.batch, options_.read_wait);
  if (!entries.ok()) return entries.status();
  held_ = *std::move(entries);
  absl::Status handled_new = HandleHeld();
  // Last: a letter that has to wait must not keep new events from being read.
  if (!handled_new.ok() || clock_.Now() < next_redrive_) return handled_new;
  next_redrive_ = clock_.Now() + options_.redrive_interval;
  return Redrive();
}

absl::Status EventConsumer::HandleHeld() {
  if (held_.empty()) return absl::OkStatus();
  absl::StatusOr<Deliveries> deliveries = Parse(held_);
  if (!deliveries.ok()) return deliveries.status();
  if (absl::Status handled = Handle(*deliveries); !handled.ok()) return handled;
  held_.clear();
  return absl::OkStatus();
}

absl::Status EventConsumer::Claim() {
  const absl::StatusOr<std::vector<StreamEntry>> entries =
      reader_.ClaimIdle(options_.batch, options_.claim_idle);
  if (!entries.ok()) return entries.status();
  if (entries->empty()) return absl::OkStatus();
  absl::StatusOr<Deliveries> deliveries = Parse(*entries);
  if (!deliveries.ok()) return deliveries.status();

  std::vector<std::string> ids;
  for (const Delivery& delivery : *deliveries) ids.push_back(delivery.event.id);
  const auto failures = inbox_.ReadFailures(StepCall(), pool_, ids);
  if (!failures.ok()) return failures.status();
  Deliveries fresh;
  Deliveries due;
  for (Delivery& delivery : *deliveries) {
    const auto failure = failures->find(delivery.event.id);
    if (failure == failures->end()) {
      fresh.push_back(std::move(delivery));
    } else if (failure->second) {
      due.push_back(std::move(delivery));
    }
  }
  if (absl::Status handled = Handle(fresh); !handled.ok()) return handled;
  return HandleAlone(due);
}

absl::StatusOr<EventConsumer::Deliveries> EventConsumer::Parse(
    const std::vector<StreamEntry>& entries) {
  Deliveries deliveries;
  std::vector<DeadLetter> malformed;
  deliveries.reserve(entries.size());
  for (const StreamEntry& entry : entries) {
    absl::StatusOr<events::v1::Event> event = events::v1::ParseEvent(entry.fields);
    if (event.ok()) {
      deliveries.push_back({.entry = entry, .event = *std::move(event)});
    } else {
      malformed.push_back({entry.stream, entry.id, entry.fields, TypeOf(entry.fields), 1,
                           std::string(FromAbsl(event.status().message()))});
    }
  }
  if (absl::Status buried = BuryMalformed(malformed); !buried.ok()) return buried;
  return deliveries;
}

absl::Status EventConsumer::Handle(std::span<Delivery> deliveries) {
  if (deliveries.empty()) return absl::OkStatus();
  const absl::Status together = Transact(deliveries);
  if (together.ok()) return Acknowledge(deliveries);
  // One of them waits for a lock, or all of them are too much for one transaction.
  const bool may_go_alone = absl::IsAborted(together) || absl::IsDeadlineExceeded(together);
  if (!IsOfTheEvent(together) && !may_go_alone) return together;
  return HandleAlone(deliveries);
}

absl::Status EventConsumer::HandleAlone(std::span<Delivery> deliveries) {
  for (Delivery& delivery : deliveries) {
    absl::Status status = Transact({&delivery, 1});
    if (absl::IsAborted(status)) continue;  // it stays pending
    if (!status.ok()) {
      if (IsOfTheEvent(status)) status = Fail(delivery, status);
      if (!status.ok()) return status;
    }
    if (absl::Status done = Acknowledge({&delivery, 1}); !done.ok()) return done;
  }
  return absl::OkStatus();
}

absl::Status EventConsumer::Transact(std::span<Delivery> deliveries) {
  absl::Status status = pool_.Transact(StepCall(), [&](PostgresSession& session) {
    const absl::Status limited = LimitLockWaits(session);
    if (!limited.ok()) return limited;
    absl::Status applied = Apply(session, deliveries);
    if (applied.ok()) PassIfApplied(kBeforeEffectCommit, deliveries);
    return applied;
  });
  if (!status.ok()) return status;
  PassIfApplied(kAfterEffectCommit, deliveries);
  // Effects may have added events.
  outbox_.Wake();
  for (const Delivery& delivery : deliveries) {
    if (delivery.outcome != EventOutcome::kApplied) continue;
    const auto now = clock_.WallNow().time_since_epoch();
    metrics_.ObserveLag(now - std::chrono::microseconds(delivery.event.created_us));
  }
  return absl::OkStatus();
}

void EventConsumer::PassIfApplied(const FaultPoint& point,
                                  std::span<const Delivery> deliveries) const {
  const bool applied =
      std::ranges::count(deliveries, EventOutcome::kApplied, &Delivery::outcome) > 0;
  if (applied) faults_.Pass(point);
}

absl::Status EventConsumer::Apply(PostgresSession& session, std::span<Delivery> deliveries) const {
  std::set<AggregateKey> aggregates;
  for (const Delivery& delivery : deliveries) aggregates.insert(AggregateOf(delivery.event));
  absl::StatusOr<std::map<AggregateKey, std::int64_t>> positions =
      inbox_.ReadPositions(session, aggregates);
  if (!positions.ok()) return positions.status();

  std::map<AggregateKey, InboxStep> steps;
  std::vector<std::string> handled;  // events
  for (Delivery& delivery : deliveries) {
    const AggregateKey aggregate = AggregateOf(delivery.event);
    std::int64_t& position = (*positions)[aggregate];
    switch (TurnOf(delivery.event, position)) {
      case EventTurn::kHandled:
        delivery.outcome = EventOutcome::kOld;
        handled.push_back(delivery.event.id);
        continue;
      case EventTurn::kTooEarly:
        delivery.outcome = EventOutcome::kGap;
        continue;
      case EventTurn::kNow:
        break;
    }
    const absl::StatusOr<EventOutcome> outcome = WriteEffect(session, delivery.event);
    if (!outcome.ok()) return outcome.status();
    delivery.outcome = *outcome;
    steps.try_emplace(aggregate, InboxStep{.from = position}).first->second.to =
        delivery.event.sequence;
    position = delivery.event.sequence;
    handled.push_back(delivery.event.id);
  }
  if (absl::Status moved = inbox_.Advance(session, steps); !moved.ok()) return moved;
  return inbox_.ForgetFailures(session, handled);
}

absl::Status EventConsumer::Fail(Delivery& delivery, const absl::Status& failure) {
  const events::v1::Event& event = delivery.event;
  const std::string error(FromAbsl(failure.message()));
  int attempts = 0;
  absl::Status counted = pool_.Transact(StepCall(), [&](PostgresSession& session) -> absl::Status {
    if (absl::Status limited = LimitLockWaits(session); !limited.ok()) return limited;
    delivery.outcome = EventOutcome::kFailed;
    const absl::StatusOr<int> counter = inbox_.CountFailure(session, event.id, error);
    if (!counter.ok()) return counter.status();
    attempts = *counter;
    if (attempts < options_.max_attempts && !absl::IsDataLoss(failure)) return absl::OkStatus();

    // Whether it is still this event's turn: another replica may have had more luck.
    const AggregateKey aggregate = AggregateOf(event);
    const auto positions = inbox_.ReadPositions(session, {aggregate});
    if (!positions.ok()) return positions.status();
    const auto found = positions->find(aggregate);
    const std::int64_t position = found == positions->end() ? 0 : found->second;
    const bool handled = TurnOf(event, position) == EventTurn::kHandled;
    delivery.outcome = handled ? EventOutcome::kOld : EventOutcome::kDead;
    if (!handled) {
      const DeadLetter letter{delivery.entry.stream,
                              delivery.entry.id,
                              delivery.entry.fields,
                              event.type,
                              attempts,
                              error};
      if (absl::Status buried = inbox_.Bury(session, letter); !buried.ok()) return buried;
      const absl::Status advanced =
          inbox_.Advance(session, {{aggregate, {position, event.sequence}}});
      if (!advanced.ok()) return advanced;
    }
    return inbox_.ForgetFailures(session, {event.id});
  });
  if (!counted.ok()) return counted;
  const bool dead = delivery.outcome == EventOutcome::kDead;
  logger_.Log(dead ? LogLevel::kError : LogLevel::kWarn,
              dead ? "event is a dead letter" : "event failed",
              {{"eventId", event.id},
               {"type", event.type},
               {"aggregateId", event.aggregate_id},
               {"entry", delivery.entry.id},
               {"attempts", attempts},
               {"error", error}});
  return absl::OkStatus();
}

// In one transaction, and with one line in the log: events wait behind them, however many they are.
absl::Status EventConsumer::BuryMalformed(const std::vector<DeadLetter>& letters) {
  if (letters.empty()) return absl::OkStatus();
  absl::Status buried = pool_.Transact(StepCall(), [&](PostgresSession& session) -> absl::Status {
    for (const DeadLetter& letter : letters) {
      if (absl::Status status = inbox_.Bury(session, letter); !status.ok()) return status;
    }
    return absl::OkStatus();
  });
  if (!buried.ok()) return buried;
  IdsByStream ids;
  for (const DeadLetter& letter : letters) {
    metrics_.Count(letter.type, EventOutcome::kDead);
    ids[letter.stream].push_back(letter.entry_id);
  }
  const DeadLetter& first = letters.front();
  logger_.Error("entries are no events, and dead letters",
                {{"count", static_cast<std::int64_t>(letters.size())},
                 {"stream", first.stream},
                 {"entry", first.entry_id},
                 {"error", first.error}});
  return Acknowledge(ids);
}

absl::Status EventConsumer::Acknowledge(std::span<const Delivery> deliveries) {
  IdsByStream ids;
  for (const Delivery& delivery : deliveries) {
    metrics_.Count(delivery.event.type, delivery.outcome);
    if (delivery.outcome == EventOutcome::kGap || delivery.outcome == EventOutcome::kFailed) {
      continue;
    }
    ids[delivery.entry.stream].push_back(delivery.entry.id);
  }
  return Acknowledge(ids);
}

absl::Status EventConsumer::Acknowledge(const IdsByStream& ids) {
  for (const auto& [stream, of_stream] : ids) {
    if (absl::Status done = reader_.Acknowledge(stream, of_stream); !done.ok()) return done;
  }
  return absl::OkStatus();
}

absl::Status EventConsumer::Redrive() {
  const absl::StatusOr<std::vector<RedrivenLetter>> letters =
      inbox_.ReadRedriven(StepCall(), pool_, options_.redrive_batch);
  if (!letters.ok()) return letters.status();
  for (const RedrivenLetter& letter : *letters) {
    const absl::Status status = RedriveLetter(letter);
    if (absl::IsAborted(status)) continue;
    if (!status.ok() && !IsOfTheEvent(status)) return status;
    if (status.ok()) {
      logger_.Info("dead letter redriven", {{"deadLetter", letter.id}});
      continue;
    }
    const std::string error(FromAbsl(status.message()));
    logger_.Warn("dead letter failed again", {{"deadLetter", letter.id}, {"error", error}});
    const absl::Status refused = inbox_.RefuseRedrive(StepCall(), pool_, letter.id, error);
    if (!refused.ok()) return refused;
  }
  return absl::OkStatus();
}

absl::Status EventConsumer::RedriveLetter(const RedrivenLetter& letter) {
  const absl::StatusOr<events::v1::Event> event = events::v1::ParseEvent(letter.fields);
  if (!event.ok()) return event.status();
  EventOutcome became = EventOutcome::kIgnored;
  absl::Status status = pool_.Transact(StepCall(), [&](PostgresSession& session) -> absl::Status {
    if (absl::Status limited = LimitLockWaits(session); !limited.ok()) return limited;
    if (absl::Status taken = inbox_.Unbury(session, letter.id); !taken.ok()) return taken;
    const absl::StatusOr<EventOutcome> outcome = WriteEffect(session, *event);
    if (!outcome.ok()) return outcome.status();
    became = *outcome;
    return absl::OkStatus();
  });
  if (status.ok()) {
    outbox_.Wake();
    metrics_.Count(event->type, became);
  }
  return status;
}

absl::StatusOr<EventOutcome> EventConsumer::WriteEffect(PostgresSession& session,
                                                        const events::v1::Event& event) const {
  const auto handler = handlers_.find(event.type);
  if (handler == handlers_.end()) return EventOutcome::kIgnored;
  const absl::StatusOr<EventEffect> effect = handler->second(session, event);
  if (!effect.ok()) return effect.status();
  return *effect == EventEffect::kApplied ? EventOutcome::kApplied : EventOutcome::kIgnored;
}

CallContext EventConsumer::StepCall() const {
  CallContext call;
  call.deadline = Deadline::In(kConsumerStepLimit, clock_);
  call.is_cancelled = is_stopping_;
  return call;
}

}  // namespace scaleout
