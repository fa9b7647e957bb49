#include "services/user/revocation_relay.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "common/deadline.h"
#include "common/status.h"

namespace scaleout::user {
namespace {

// Calls wait for it: it rests no longer than it takes to gather those that come together.
EventThreadOptions ThreadOptions() {
  return {.name = "revocations",
          .work = "publishing ended sessions",
          .poll = kRevocationPoll,
          .pace_min = std::chrono::milliseconds::zero(),
          .pace_max = std::chrono::milliseconds(2),
          .retry_max = kRevocationPoll};
}

absl::Status Pending() {
  return WithReason(
      absl::UnavailableError("The session has ended, but not every gateway knows it yet."),
      kReasonRevocationPending);
}

}  // namespace

RevocationRelay::RevocationRelay(std::unique_ptr<RevocationStore> store,
                                 std::unique_ptr<RevocationPublisher> publisher, const Clock& clock,
                                 Logger& logger, Metrics& metrics)
    : store_(std::move(store)),
      publisher_(std::move(publisher)),
      clock_(clock),
      logger_(logger),
      published_(metrics.AddCounter("revocations_published_total",
                                    "Ended sessions that redis-state has acknowledged")),
      pending_(metrics.AddGauge("revocations_pending",
                                "Ended sessions that redis-state has not acknowledged")),
      oldest_age_(metrics.AddGauge("revocations_oldest_age_seconds",
                                   "Age of the oldest one that is pending")),
      next_look_(clock.Now()),
      next_figures_(clock.Now()),
      thread_(ThreadOptions(), clock, logger) {}

RevocationRelay::~RevocationRelay() {
  thread_.Stop();
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  answered_.notify_all();
}

void RevocationRelay::Start(std::function<bool()> is_ready) {
  if (publisher_ == nullptr) {
    logger_.Warn("ended sessions cannot be published: REDIS_STATE_ADDRESS is not set");
    return;
  }
  thread_.Start(std::move(is_ready), [this] { return Round(); });
}

absl::Status RevocationRelay::Publish(const CallContext& call, std::span<const SessionId> ended) {
  if (ended.empty()) return absl::OkStatus();
  if (publisher_ == nullptr) return Pending();
  const auto waiter = std::make_shared<Waiter>();
  waiter->ids.assign(ended.begin(), ended.end());
  std::unique_lock lock(mutex_);
  if (away_ || stopping_) return Pending();
  waiting_.push_back(waiter);
  thread_.Wake();
  const Duration limit =
      std::min<Duration>(kRevocationPublishWait, call.deadline.Remaining(clock_));
  answered_.wait_for(lock, limit, [&] { return waiter->published.has_value() || stopping_; });
  std::erase(waiting_, waiter);
  return waiter->published.value_or(false) ? absl::OkStatus() : Pending();
}

absl::Status RevocationRelay::Round() {
  if (absl::Status published = PublishForCalls(); !published.ok()) return published;
  if (clock_.Now() < next_look_) return absl::OkStatus();
  if (absl::Status published = PublishRows(); !published.ok()) return published;
  next_look_ = clock_.Now() + kRevocationPoll;
  return absl::OkStatus();
}

absl::Status RevocationRelay::PublishForCalls() {
  Waiters waiters;
  {
    const std::lock_guard lock(mutex_);
    waiters = std::exchange(waiting_, {});
  }
  if (waiters.empty()) return absl::OkStatus();
  std::vector<SessionId> ids;
  for (const auto& waiter : waiters) ids.insert(ids.end(), waiter->ids.begin(), waiter->ids.end());
  const absl::Status appended = Append(ids);
  Answer(waiters, appended.ok());
  return appended.ok() ? store_->MarkPublished(StepCall(), ids) : appended;
}

absl::Status RevocationRelay::PublishRows() {
  // Before redis-state is asked: it is when that is away that the figures matter.
  if (clock_.Now() >= next_figures_) {
    const absl::StatusOr<RevocationFigures> figures = store_->ReadFigures(StepCall());
    if (!figures.ok()) return figures.status();
    pending_.Set(static_cast<double>(figures->pending));
    oldest_age_.Set(figures->oldest_age_seconds);
    next_figures_ = clock_.Now() + kRevocationFiguresInterval;
  }
  while (true) {
    const absl::StatusOr<std::vector<SessionId>> ids =
        store_->FindUnpublished(StepCall(), kRevocationRows);
    if (!ids.ok()) return ids.status();
    // Also of none: that makes the incarnation, and says whether redis-state answers.
    if (absl::Status appended = Append(*ids); !appended.ok()) return appended;
    absl::Status marked = store_->MarkPublished(StepCall(), *ids);
    if (!marked.ok() || ids->size() < kRevocationRows || thread_.stopping()) return marked;
    // Calls do not wait for a long list.
    if (absl::Status published = PublishForCalls(); !published.ok()) return published;
  }
}

absl::Status RevocationRelay::Append(const std::vector<SessionId>& ids) {
  std::vector<std::string> texts;
  texts.reserve(ids.size());
  for (const SessionId& id : ids) texts.push_back(id.hex());
  const absl::Status appended = publisher_->Publish(texts).status();
  if (appended.ok()) published_.Increment(static_cast<double>(ids.size()));
  Waiters refused;
  {
    const std::lock_guard lock(mutex_);
    away_ = !appended.ok();
    if (away_) refused = std::exchange(waiting_, {});
  }
  Answer(refused, false);
  return appended;
}

void RevocationRelay::Answer(const Waiters& waiters, bool published) {
  if (waiters.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const auto& waiter : waiters) waiter->published = published;
  answered_.notify_all();
}

CallContext RevocationRelay::StepCall() const {
  CallContext call;
  call.deadline = Deadline::In(kRevocationStepLimit, clock_);
  call.is_cancelled = [this] { return thread_.stopping(); };
  return call;
}

}  // namespace scaleout::user
