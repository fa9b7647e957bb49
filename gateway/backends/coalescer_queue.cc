#include "gateway/backends/coalescer_queue.h"

#include <algorithm>
#include <utility>

#include "gateway/resilience/rejection.h"
#include "gateway/runtime/early_end.h"
#include "gateway/runtime/loop_lag_monitor.h"

namespace scaleout::gateway {

KeyReader::KeyReader(CoalescerQueue& queue, RequestContext& context, const ReadKey& key)
    : queue_(queue), context_(context), key_(key), began_(context.clock.Now()) {
  route = context.route;
}

bool KeyReader::await_ready() {
  if (context_.cancellation.cancelled()) {
    early_end_ = ClientGone();
    return true;
  }
  if (context_.deadline <= began_) {
    early_end_ = NoTimeLeft(queue_.guard().backend());
    return true;
  }
  return !queue_.Enter(*this);
}

void KeyReader::await_suspend(std::coroutine_handle<> awaiter) {
  awaiter_ = awaiter;
  context_.loop.After(context_.deadline - began_, *this);
  context_.cancellation.Add(*this);
}

void KeyReader::Run() {
  if (entry_ == nullptr) {
    awaiter_.resume();
    return;
  }
  if (!early_end_.ok()) return;
  const bool sent = entry_->flight != nullptr;
  // A loop that was held up comes to its timers before the answers that arrived meanwhile.
  if (sent && !std::exchange(deadline_seen_, true)) {
    context_.loop.After(kLagTick, *this);
    return;
  }
  const BackendGuard& guard = queue_.guard();
  if (Leave(sent ? guard.TimedOut() : NoTimeLeft(guard.backend()))) awaiter_.resume();
}

// Not resumed from here: the code that cancels is not done, and may touch what the coroutine would
// destroy.
void KeyReader::OnCancel() {
  if (entry_ == nullptr || !early_end_.ok() || !Leave(ClientGone())) return;
  context_.loop.Cancel(*this);
  context_.loop.Post(*this);
}

bool KeyReader::Leave(absl::Status why) {
  early_end_ = std::move(why);
  return queue_.Release(*this);
}

Flight::Flight(Executor& loop, const Clock& clock, std::list<KeyEntry> entries_in)
    : context(loop, clock), entries(std::move(entries_in)) {
  std::erase_if(entries, [](const KeyEntry& entry) { return entry.readers == nullptr; });
  for (KeyEntry& entry : entries) {
    entry.flight = this;
    CoalescerQueue::ForEachReader(entry, [this](const KeyReader& reader) {
      if (readers++ == 0) {
        context.request_id = reader.context().request_id;
        context.traceparent = reader.context().traceparent;
        context.route = reader.context().route;
      }
      context.deadline = std::max(context.deadline, reader.context().deadline);
    });
  }
  shared.requests = static_cast<std::int64_t>(readers);
  shared.divisible = entries.size() > 1;
  context.shared = &shared;
}

CoalescerQueue::CoalescerQueue(const CoalescerConfig& config, Executor& loop, const Clock& clock,
                               RpcMethod& method, Bulkhead& places, CoalescerMetrics& metrics,
                               FlightSender& sender)
    : config_(config),
      loop_(loop),
      clock_(clock),
      method_(method),
      places_(places),
      metrics_(metrics),
      sender_(sender) {
  loop_.AddHoldListener(*this);
}

bool CoalescerQueue::Enter(KeyReader& reader) {
  reader.place_ = places_.TryAcquire();
  if (!reader.place_) {
    reader.early_end_ = TooManyReads(guard().backend(), places_.max_concurrent_calls());
    return false;
  }
  if (const auto found = waiting_.find(reader.key_); found != waiting_.end()) {
    metrics_.CountJoined();
    Link(*found->second, reader);
    return true;
  }
  const bool apart = IsApart(reader.key_, reader.began_);
  Entries& entries = apart ? alone_ : GroupOf(reader.key_.page_size);
  KeyEntry& entry = entries.emplace_back();
  entry.key = reader.key_;
  entry.apart = apart;
  entry.since = reader.began_;
  entry.self = std::prev(entries.end());
  waiting_.emplace(entry.key, &entry);
  Link(entry, reader);
  RequestFlush();
  return true;
}

// In a vector, because there are a hundred page sizes at most, and mostly one is in use.
CoalescerQueue::Entries& CoalescerQueue::GroupOf(std::int32_t page_size) {
  for (Group& group : groups_) {
    if (group.page_size == page_size) return group.entries;
  }
  return groups_.emplace_back(Group{page_size, {}}).entries;
}

bool CoalescerQueue::Release(KeyReader& reader) {
  KeyEntry& entry = *reader.entry_;
  Flight* const flight = entry.flight;
  if (flight == nullptr) {
    Unlink(reader);
    if (entry.readers == nullptr) Erase(entry);
    return true;
  }
  if (!flight->answered && flight->readers == 1) {
    // At its own deadline it ends by itself, with a status that the breaker counts.
    if (flight->context.deadline > clock_.Now()) flight->context.cancellation.Cancel();
    return false;
  }
  method_.ObserveRead(reader.early_end_.code(), clock_.Now() - reader.began_);
  Unlink(reader);
  --flight->readers;
  return true;
}

void CoalescerQueue::Erase(KeyEntry& entry) {
  waiting_.erase(entry.key);
  Entries& entries = entry.apart ? alone_ : GroupOf(entry.key.page_size);
  entries.erase(entry.self);
}

void CoalescerQueue::Link(KeyEntry& entry, KeyReader& reader) {
  reader.entry_ = &entry;
  reader.previous_ = entry.readers_end;
  reader.following_ = nullptr;
  *entry.readers_end = &reader;
  entry.readers_end = &reader.following_;
}

void CoalescerQueue::Unlink(KeyReader& reader) {
  *reader.previous_ = reader.following_;
  if (reader.following_ != nullptr) {
    reader.following_->previous_ = reader.previous_;
  } else {
    reader.entry_->readers_end = reader.previous_;
  }
  reader.entry_ = nullptr;
}

void CoalescerQueue::RequestFlush() {
  if (!std::exchange(flush_requested_, true)) loop_.Defer(flush_);
}

void CoalescerQueue::EndTurn() {
  flush_requested_ = false;
  Flush();
}

void CoalescerQueue::OnHold() {
  hold_comes_ = true;
  Flush();
  hold_comes_ = false;
}

void CoalescerQueue::Returned() {
  --in_flight_;
  metrics_.CountReturn();
  returned_ = true;
  Flush();
}

// A flight that the guard refuses returns while it is sent, which comes back here; the loop that
// sends it goes on with the rest.
void CoalescerQueue::Flush() {
  if (std::exchange(flushing_, true)) return;
  MonotonicTime now = clock_.Now();
  while (!alone_.empty()) {
    Entries entry = Take(alone_, 1, now);
    if (!entry.empty()) sender_.SendApart(std::move(entry));
  }
  Group* oldest = FindOldest();
  while (oldest != nullptr && MaySend(*oldest, now)) {
    Entries batch = Take(oldest->entries, config_.max_keys, now);
    if (!batch.empty()) {
      returned_ = false;
      ++in_flight_;
      metrics_.CountBatch(batch.size());
      sender_.Send(std::move(batch));
    }
    now = clock_.Now();
    oldest = FindOldest();
  }
  returned_ = false;
  flushing_ = false;
  if (oldest == nullptr || in_flight_ >= config_.max_in_flight) return;
  const MonotonicTime ends = oldest->entries.front().since + LongestWait();
  if (wait_over_.armed() && wait_ends_ <= ends) return;
  wait_ends_ = ends;
  loop_.AfterFine(std::max(ends - now, Duration::zero()), wait_over_);
}

CoalescerQueue::Group* CoalescerQueue::FindOldest() {
  Group* oldest = nullptr;
  for (Group& group : groups_) {
    if (group.entries.empty()) continue;
    if (oldest == nullptr || group.entries.front().since < oldest->entries.front().since) {
      oldest = &group;
    }
  }
  return oldest;
}

bool CoalescerQueue::MaySend(const Group& oldest, MonotonicTime now) const {
  if (hold_comes_) return true;
  if (in_flight_ >= config_.max_in_flight) return false;
  return in_flight_ == 0 || (returned_ && in_flight_ <= kThinFlights) ||
         waiting_.size() >= std::min(config_.eager_keys, config_.max_keys) ||
         now - oldest.entries.front().since >= LongestWait();
}

CoalescerQueue::Entries CoalescerQueue::Take(Entries& waiting, std::size_t most,
                                             MonotonicTime now) {
  Entries taken;
  while (!waiting.empty() && taken.size() < most) {
    KeyEntry& entry = waiting.front();
    if (!DropLate(entry, now)) continue;
    waiting_.erase(entry.key);
    metrics_.CountWait(now - entry.since);
    taken.splice(taken.end(), waiting, waiting.begin());
  }
  return taken;
}

bool CoalescerQueue::DropLate(KeyEntry& entry, MonotonicTime now) {
  for (KeyReader* reader = entry.readers; reader != nullptr;) {
    KeyReader& late = *std::exchange(reader, reader->following_);
    if (late.context_.deadline > now) continue;
    const bool last = entry.readers == &late && late.following_ == nullptr;
    late.Leave(NoTimeLeft(guard().backend()));
    loop_.Cancel(late);
    loop_.Post(late);
    if (last) return false;
  }
  return true;
}

KeyReader* CoalescerQueue::TakeReader(KeyEntry& entry) {
  KeyReader* const reader = entry.readers;
  if (reader == nullptr) return nullptr;
  Unlink(*reader);
  loop_.Cancel(*reader);
  return reader;
}

void CoalescerQueue::Resume(KeyReader& reader, std::optional<absl::StatusCode> code,
                            MonotonicTime now) {
  if (code) {
    const bool ended_early = !reader.early_end_.ok();
    method_.ObserveRead(ended_early ? reader.early_end_.code() : *code, now - reader.began_);
  }
  if (reader.route != nullptr) loop_.EnterRoute(*reader.route);
  reader.awaiter_.resume();
  loop_.LeaveRoute();
}

void CoalescerQueue::KeepApart(const ReadKey& key) {
  const MonotonicTime now = clock_.Now();
  if (apart_.size() >= kMaxKeysApart) {
    absl::erase_if(apart_, [now](const auto& known) { return known.second <= now; });
  }
  if (apart_.size() < kMaxKeysApart || apart_.contains(key)) apart_[key] = now + kApartTime;
}

void CoalescerQueue::StopKeepingApart(const ReadKey& key) {
  if (!apart_.empty()) apart_.erase(key);
}

bool CoalescerQueue::IsApart(const ReadKey& key, MonotonicTime now) const {
  if (apart_.empty()) return false;
  const auto found = apart_.find(key);
  return found != apart_.end() && found->second > now;
}

}  // namespace scaleout::gateway
