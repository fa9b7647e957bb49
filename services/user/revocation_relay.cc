#include "services/user/revocation_relay.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "common/deadline.h"
#include "common/status.h"
#include "common/str_cat.h"

namespace scaleout::user {
namespace {

// Calls wait for it: it rests no longer than it takes to gather those that come together.
BackgroundThreadOptions CallsThread() {
  return {.name = "revocations",
          .work = "publishing ended sessions",
          .poll = kRevocationPoll,
          .pace_min = std::chrono::milliseconds::zero(),
          .pace_max = std::chrono::milliseconds(2),
          .retry_max = kRevocationPoll};
}

BackgroundThreadOptions RowsThread() {
  return {.name = "ended-sessions",
          .work = "marking ended sessions as published",
          .poll = kRevocationPoll,
          .retry_max = kRevocationPoll};
}

absl::Status Pending() {
  return WithReason(
      absl::UnavailableError("The session has ended, but not every gateway knows it yet."),
      kReasonRevocationPending, {{"retryAfterMs", StrCat(kRevocationRetryAfter.count())}});
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
      next_ask_(clock.Now()),
      next_look_(clock.Now()),
      next_figures_(clock.Now()),
      calls_thread_(CallsThread(), clock, logger),
      rows_thread_(RowsThread(), clock, logger) {}

RevocationRelay::~RevocationRelay() {
  calls_thread_.AskToStop();
  rows_thread_.Stop();
  calls_thread_.Stop();
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  answered_.notify_all();
}

void RevocationRelay::Start(std::function<bool()> is_ready) {
  if (publisher_ == nullptr) {
    logger_.Warn("ended sessions cannot be published: REDIS_STATE_ADDRESS is not set");
    return;
  }
  calls_thread_.Start([] { return true; }, [this] { return CallsRound(); });
  rows_thread_.Start(std::move(is_ready), [this] { return RowsRound(); });
}

absl::Status RevocationRelay::Publish(const CallContext& call, std::span<const SessionId> ended) {
  if (ended.empty()) return absl::OkStatus();
  if (publisher_ == nullptr) return Pending();
  const auto waiter = std::make_shared<Waiter>();
  waiter->ids.assign(ended.begin(), ended.end());
  std::unique_lock lock(mutex_);
  if (away_ || stopping_) return Pending();
  waiting_.push_back(waiter);
  calls_thread_.Wake();
  const Duration limit =
      std::min<Duration>(kRevocationPublishWait, call.deadline.Remaining(clock_));
  const bool answered =
      answered_.wait_for(lock, limit, [&] { return waiter->published.has_value() || stopping_; });
  // The attempt hangs, on a name server say. Its end says whether redis-state is away.
  if (!answered && limit == kRevocationPublishWait) away_ = true;
  std::erase(waiting_, waiter);
  return waiter->published.value_or(false) ? absl::OkStatus() : Pending();
}

absl::Status RevocationRelay::CallsRound() {
  Waiters waiters;
  {
    const std::lock_guard lock(mutex_);
    waiters = std::exchange(waiting_, {});
  }
  if (waiters.empty() && clock_.Now() < next_ask_) return absl::OkStatus();
  std::vector<SessionId> ids;
  for (const auto& waiter : waiters) ids.insert(ids.end(), waiter->ids.begin(), waiter->ids.end());
  // Also of none: that makes the incarnation, and says whether redis-state answers.
  const absl::Status appended = Append(ids);
  Answer(waiters, appended.ok());
  if (!appended.ok()) return appended;
  next_ask_ = clock_.Now() + kRevocationPoll;
  if (ids.empty()) return absl::OkStatus();
  {
    const std::lock_guard lock(mutex_);
    unmarked_.insert(unmarked_.end(), ids.begin(), ids.end());
  }
  rows_thread_.Wake();
  return absl::OkStatus();
}

absl::Status RevocationRelay::RowsRound() {
  std::vector<SessionId> published;
  {
    const std::lock_guard lock(mutex_);
    published = std::exchange(unmarked_, {});
  }
  // Those that cannot be marked are found in the table, and are published once more.
  const absl::Status marked = store_->MarkPublished(StepCall(), published);
  if (!marked.ok() || clock_.Now() < next_look_) return marked;
  if (absl::Status status = PublishRows(); !status.ok()) return status;
  next_look_ = clock_.Now() + kRevocationPoll;
  return absl::OkStatus();
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
    if (ids->empty()) return absl::OkStatus();
    // The other thread notices when that has passed, and asks as often as is right.
    if (IsAway()) return absl::OkStatus();
    if (absl::Status appended = Append(*ids); !appended.ok()) return appended;
    absl::Status marked = store_->MarkPublished(StepCall(), *ids);
    if (!marked.ok() || ids->size() < kRevocationRows || rows_thread_.stopping()) return marked;
  }
}

bool RevocationRelay::IsAway() {
  const std::lock_guard lock(mutex_);
  return away_;
}

absl::Status RevocationRelay::Append(const std::vector<SessionId>& ids) {
  std::vector<std::string> texts;
  texts.reserve(ids.size());
  for (const SessionId& id : ids) texts.push_back(id.hex());
  const std::lock_guard one_at_a_time(publisher_mutex_);
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
  call.is_cancelled = [this] { return rows_thread_.stopping(); };
  return call;
}

}  // namespace scaleout::user
