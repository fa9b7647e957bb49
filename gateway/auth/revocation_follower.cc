#include "gateway/auth/revocation_follower.h"

#include <cstdint>
#include <utility>

#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

// That have become too old and are dropped in a step, so that the lock stays short.
constexpr std::size_t kMaxDropped = 1'000;

// A poll has to be answered while what is known is trusted.
constexpr RedisClientOptions kFollowerRedis = {.connect_timeout = std::chrono::milliseconds(250),
                                               .command_timeout = std::chrono::milliseconds(250),
                                               .retry_pause = Duration::zero()};

Counter& AddLoads(Metrics& metrics, const char* outcome) {
  return metrics.AddCounter("gateway_revocation_loads_total",
                            "Times that all revocations were read from the user service",
                            {{"outcome", outcome}});
}

}  // namespace

RevocationFollower::RevocationFollower(std::unique_ptr<RevocationReader> reader, ListPage list,
                                       const Clock& clock, Logger& logger, Metrics& metrics,
                                       std::size_t max_revocations)
    : reader_(std::move(reader)),
      list_(std::move(list)),
      clock_(clock),
      logger_(logger),
      max_revocations_(max_revocations),
      loaded_(AddLoads(metrics, "loaded")),
      failed_(AddLoads(metrics, "failed")),
      revoked_(max_revocations) {
  metrics.AddCallbackGauge("gateway_revocations_trusted",
                           "1 while the gateway knows by itself which sessions have ended", {},
                           [this] { return trusted() ? 1.0 : 0.0; });
  metrics.AddCallbackGauge("gateway_revocations", "Ended sessions that the gateway knows of", {},
                           [this] {
                             const std::lock_guard lock(mutex_);
                             return static_cast<double>(revoked_.size());
                           });
  metrics.AddCallbackGauge("gateway_clock_skew_seconds",
                           "How far this machine's clock is ahead of redis-state's", {}, [this] {
                             const std::lock_guard lock(mutex_);
                             return clock_skew_.count();
                           });
}

std::optional<bool> RevocationFollower::IsAlive(const SessionNumber& session) const {
  std::optional<MonotonicTime> sent;
  bool revoked = false;
  {
    const std::lock_guard lock(mutex_);
    sent = sent_;
    revoked = revoked_.Contains(session);
  }
  // Afterwards, because the thread may have been held up before.
  if (!IsFresh(sent)) return std::nullopt;
  return !revoked;
}

bool RevocationFollower::trusted() const {
  const std::lock_guard lock(mutex_);
  return IsFresh(sent_);
}

bool RevocationFollower::IsFresh(const std::optional<MonotonicTime>& sent) const {
  return sent && clock_.Now() - *sent < kRevocationTrust;
}

Duration RevocationFollower::Step() {
  const absl::Status status = position_ ? Follow() : Begin();
  Note(status);
  if (status.ok()) return Duration::zero();
  return absl::IsResourceExhausted(status) ? Duration(kRevocationFullPause)
                                           : Duration(kRevocationRetryPause);
}

absl::Status RevocationFollower::Begin() {
  // Before the list is asked for: what ends after that comes after this end.
  absl::StatusOr<RevocationPosition> end = reader_->Begin();
  if (!end.ok()) return end.status();
  RevocationSet loaded(max_revocations_);
  std::string page_token;
  for (int pages = 0; pages < kMaxRevocationPages; ++pages) {
    absl::StatusOr<RevocationPage> page = list_(page_token);
    if (!page.ok()) {
      failed_.Increment();
      return page.status();
    }
    if (!Add(page->session_ids, loaded)) break;
    page_token = std::move(page->next_page_token);
    if (!page_token.empty()) continue;
    loaded_.Increment();
    position_ = *std::move(end);
    last_answered_ = clock_.Now();
    const std::lock_guard lock(mutex_);
    std::swap(revoked_, loaded);
    return absl::OkStatus();
  }
  failed_.Increment();
  return absl::ResourceExhaustedError("there are more revocations than a gateway holds");
}

absl::Status RevocationFollower::Follow() {
  const MonotonicTime sent = clock_.Now();
  if (sent - last_answered_ >= kRevocationTrust) {
    Forget();
    return absl::UnavailableError("redis-state has not answered for too long");
  }
  const absl::StatusOr<RevocationBatch> batch = reader_->Read(*position_, kRevocationBatch);
  if (!batch.ok()) {
    if (absl::IsDataLoss(batch.status())) Forget();
    return batch.status();
  }
  last_answered_ = sent;
  const absl::Status clocks = CompareClocks(batch->server_time);
  bool fits = true;
  {
    const std::lock_guard lock(mutex_);
    revoked_.DropOld(sent, kMaxDropped);
    fits = Add(batch->session_ids, revoked_);
    if (!clocks.ok()) {
      sent_.reset();
    } else if (fits && batch->complete) {
      sent_ = sent;
    }
  }
  if (!fits) {
    Forget();
    return absl::ResourceExhaustedError("there are more revocations than a gateway holds");
  }
  if (!clocks.ok()) return clocks;
  if (!batch->complete) return absl::OkStatus();
  return reader_->Wait(*position_, kRevocationWait);
}

absl::Status RevocationFollower::CompareClocks(WallTime server_time) {
  const auto skew = clock_.WallNow() - server_time;
  {
    const std::lock_guard lock(mutex_);
    clock_skew_ = skew;
  }
  if (std::chrono::abs(skew) <= kMostClockSkew) return absl::OkStatus();
  return absl::FailedPreconditionError(
      StrCat("the clocks of this machine and of redis-state differ by more than ",
             kMostClockSkew.count(), " s"));
}

void RevocationFollower::Forget() {
  position_.reset();
  const std::lock_guard lock(mutex_);
  sent_.reset();
}

bool RevocationFollower::Add(const std::vector<std::string>& session_ids, RevocationSet& set) {
  const MonotonicTime now = clock_.Now();
  for (const std::string& id : session_ids) {
    // What is no session's id revokes none.
    const std::optional<SessionNumber> session = FindSessionNumber(id);
    if (session && !set.Add(*session, now)) return false;
  }
  return true;
}

void RevocationFollower::Note(const absl::Status& status) {
  const bool known = trusted();
  if (!known && status.ok()) return;
  if (failing_ == !known) return;
  failing_ = !known;
  if (!known) {
    logger_.Warn("ended sessions are not known: the user service is asked for each",
                 {{"error", FromAbsl(status.message())}});
    return;
  }
  std::int64_t revocations = 0;
  {
    const std::lock_guard lock(mutex_);
    revocations = static_cast<std::int64_t>(revoked_.size());
  }
  logger_.Info("ended sessions are known", {{"revocations", revocations}});
}

std::unique_ptr<RevocationFollower> FollowRevocations(const RedisServer& state,
                                                      RevocationFollower::ListPage list,
                                                      const Clock& clock, Logger& logger,
                                                      Metrics& metrics) {
  return std::make_unique<RevocationFollower>(
      MakeRedisRevocationReader(state, kFollowerRedis, clock), std::move(list), clock, logger,
      metrics);
}

}  // namespace scaleout::gateway
