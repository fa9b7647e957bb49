#include "gateway/events/cache_invalidator.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/str_cat.h"
#include "gateway/events/changed_tokens.h"
#include "proto/scaleout/events/v1/event.h"

namespace scaleout::gateway {

std::vector<std::string> OwnersStreams() {
  std::vector<std::string> streams;
  for (const std::string_view type : kChangedTypes) {
    streams.push_back(events::v1::StreamOf(events::v1::KindOf(type)));
  }
  return streams;
}

CacheInvalidator::CacheInvalidator(std::unique_ptr<StreamReader> reader, ReplaceTokens replace,
                                   const Clock& clock, Logger& logger, Metrics& metrics)
    : reader_(std::move(reader)),
      replace_(std::move(replace)),
      clock_(clock),
      logger_(logger),
      metrics_(metrics),
      next_all_(clock.Now()),
      next_claim_(clock.Now()),
      next_look_(clock.Now()),
      next_forget_(clock.Now() + kForgetInterval) {}

Duration CacheInvalidator::Step() {
  absl::Status state = absl::OkStatus();
  if (batch_.ids.empty()) state = Read();
  ReportMalformed();
  const bool delivered = Deliver();
  const absl::Status acknowledged = Acknowledge();
  if (state.ok()) state = acknowledged;
  if (state.ok()) state = LookAround();
  Note(state, "events cannot be read", "events are read again", state_failing_);
  return state.ok() && delivered ? Duration::zero() : kEventRetryPause;
}

absl::Status CacheInvalidator::Read() {
  Duration wait = kEventReadWait;
  if (clock_.Now() >= next_claim_) {
    const auto claimed = reader_->ClaimIdle(kEventBatch, kEventClaimIdle);
    if (!claimed.ok()) return claimed.status();
    for (const StreamEntry& entry : *claimed) Add(entry);
    // There may be more where these were.
    if (claimed->empty()) {
      next_claim_ = clock_.Now() + kEventClaimIdle;
    } else {
      wait = Duration::zero();
    }
  }
  const auto entries = reader_->ReadNew(kEventBatch, wait);
  if (!entries.ok()) return entries.status();
  for (const StreamEntry& entry : *entries) Add(entry);
  return absl::OkStatus();
}

void CacheInvalidator::Add(const StreamEntry& entry) {
  const auto event = events::v1::ParseEvent(entry.fields);
  const auto names = event.ok() ? TokensChangedBy(*event) : event.status();
  if (!names.ok()) {
    metrics_.Count(event.ok() ? event->type : "", EventOutcome::kMalformed);
    if (malformed_++ == 0) {
      first_malformed_ = {entry.stream, entry.id, std::string(FromAbsl(names.status().message()))};
    }
    handled_[entry.stream].push_back(entry.id);
    return;
  }
  if (names->empty() || replace_ == nullptr) {
    metrics_.Count(event->type, EventOutcome::kIgnored);
    handled_[entry.stream].push_back(entry.id);
    return;
  }
  batch_.ids[entry.stream].push_back(entry.id);
  batch_.changes.push_back({event->type, std::chrono::microseconds(event->created_us)});
  std::ranges::copy(*names, std::back_inserter(batch_.names));
}

// One line for all that came together: there may be as many as a stream holds.
void CacheInvalidator::ReportMalformed() {
  if (malformed_ == 0) return;
  logger_.Warn("malformed events", {{"count", std::exchange(malformed_, 0)},
                                    {"stream", first_malformed_.stream},
                                    {"entry", first_malformed_.entry},
                                    {"error", first_malformed_.error}});
}

bool CacheInvalidator::Deliver() {
  if (batch_.ids.empty() && !owes_all_) return true;
  const MonotonicTime now = clock_.Now();
  absl::Status replaced = absl::UnavailableError("redis-cache is away");
  if (!owes_all_) {
    std::ranges::sort(batch_.names);
    const auto repeated = std::ranges::unique(batch_.names);
    batch_.names.erase(repeated.begin(), repeated.end());
    replaced = replace_(batch_.names);
  } else if (now >= next_all_) {
    replaced = replace_({});
    next_all_ = now + kInvalidateAllInterval;
  }
  Note(replaced, "events wait for redis-cache", "redis-cache takes events again", cache_failing_);
  if (replaced.ok()) {
    owes_all_ = false;
    const Duration wall = clock_.WallNow().time_since_epoch();
    for (const Change& change : batch_.changes) {
      metrics_.Count(change.type, EventOutcome::kInvalidated);
      metrics_.ObserveLag(wall - change.created);
    }
    Release();
    return true;
  }
  if (!batch_.failed_first) {
    batch_.failed_first = now;
    for (const Change& change : batch_.changes) metrics_.Count(change.type, EventOutcome::kFailed);
  }
  if (!owes_all_ && now - *batch_.failed_first < kEventHoldLimit) return false;
  if (!std::exchange(owes_all_, true)) {
    logger_.Warn("redis-cache is away for long: all of the cache will be invalidated", {});
  }
  const bool found = !batch_.ids.empty();
  Release();
  return found;
}

void CacheInvalidator::Release() {
  for (auto& [stream, ids] : batch_.ids)
    std::ranges::move(ids, std::back_inserter(handled_[stream]));
  batch_ = Batch();
}

// What cannot be acknowledged stays pending, is claimed and replaced once more.
absl::Status CacheInvalidator::Acknowledge() {
  if (handled_.empty()) return absl::OkStatus();
  {
    const std::lock_guard lock(mutex_);
    last_event_ = clock_.Now();
  }
  const auto handled = std::exchange(handled_, {});
  for (const auto& [stream, ids] : handled) {
    if (absl::Status status = reader_->Acknowledge(stream, ids); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CacheInvalidator::LookAround() {
  const MonotonicTime now = clock_.Now();
  if (now >= next_forget_) {
    if (absl::Status forgot = reader_->ForgetConsumers(kForgetIdle); !forgot.ok()) return forgot;
    next_forget_ = now + kForgetInterval;
  }
  if (now < next_look_) return absl::OkStatus();
  auto backlogs = reader_->Backlogs();
  if (!backlogs.ok()) return backlogs.status();
  next_look_ = now + kBacklogInterval;
  const std::lock_guard lock(mutex_);
  looked_ = now;
  backlogs_ = *std::move(backlogs);
  return absl::OkStatus();
}

void CacheInvalidator::Note(const absl::Status& status, std::string_view failure,
                            std::string_view recovery, bool& failing) {
  if (std::exchange(failing, !status.ok()) == !status.ok()) return;
  if (status.ok()) {
    logger_.Info(recovery, {});
  } else {
    logger_.Warn(failure, {{"error", FromAbsl(status.message())}});
  }
}

EventsReport CacheInvalidator::report() const {
  EventsReport report;
  report.invalidated = metrics_.CountOf(EventOutcome::kInvalidated);
  report.ignored = metrics_.CountOf(EventOutcome::kIgnored);
  report.malformed = metrics_.CountOf(EventOutcome::kMalformed);
  report.failed = metrics_.CountOf(EventOutcome::kFailed);
  report.lag_seconds_p50 = metrics_.LagQuantile(0.5);
  report.lag_seconds_p99 = metrics_.LagQuantile(0.99);
  const MonotonicTime now = clock_.Now();
  const std::lock_guard lock(mutex_);
  if (last_event_) report.last_event_age = now - *last_event_;
  if (looked_) report.backlogs_age = now - *looked_;
  report.backlogs = backlogs_;
  return report;
}

}  // namespace scaleout::gateway
