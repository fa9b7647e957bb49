// The keys that wait to be read together, and those who wait for them.
//
// One queue for each (loop, method), without locks. A KeyReader is one caller: awaited in its
// coroutine, it puts its key into the queue, or joins the caller who did before, and resumes with
// the key's answer. At the end of a loop's turn the queue decides what is sent, as flights of at
// most `max_keys` keys:
//
//   nothing in flight:               what waits, at once
//   fewer than `max_in_flight`:      when `eager_keys` wait, or the oldest for LongestWait()
//   at most kThinFlights are left when one comes back:
//                                    what waits, at once, before its answers are delivered
//   a job is about to hold the loop: what waits, at once
//
// A caller leaves when its client is gone or its own deadline has come (in flight at the tick after
// it, so that an answer that waits for a late loop is taken first), and the others stay. Two
// rules keep what is in flight owned by requests: a flight has the latest deadline of its callers,
// and the last caller of a flight does not leave before it has ended; the flight is cancelled
// instead. So when all requests have ended, nothing of a coalescer is left.
//
// Keys are never joined once they are sent: a read that begins after a write was answered must not
// get a value from before it. A key that made its whole batch fail (KeepApart) is sent alone for a
// while, because each batch that it is in costs its neighbours a detour.
//
// (Idea: DataLoader; gRPC's and Triton's batching queues for the policy.) Loop thread only.
#ifndef SCALEOUT_GATEWAY_BACKENDS_COALESCER_QUEUE_H_
#define SCALEOUT_GATEWAY_BACKENDS_COALESCER_QUEUE_H_

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "common/clock.h"
#include "common/principal.h"
#include "common/session_number.h"
#include "gateway/backends/backend_guard.h"
#include "gateway/backends/coalescer_config.h"
#include "gateway/backends/coalescer_metrics.h"
#include "gateway/backends/shared_call.h"
#include "gateway/resilience/bulkhead.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/member_job.h"
#include "gateway/runtime/request_context.h"

namespace scaleout::gateway {

// How long a key that made its batch fail is sent alone, and how many such keys are remembered.
inline constexpr Duration kApartTime = std::chrono::seconds(10);
inline constexpr std::size_t kMaxKeysApart = 64;
// A flight that comes back takes what waits along if at most so many others are under way. With
// more it would not be missed: the service is at work, and what waits finds company meanwhile.
inline constexpr std::size_t kThinFlights = 1;

// What is read. Callers are joined only where all of it is equal.
struct ReadKey {
  std::int64_t id = 0;
  // Of a list's first page; 0 for one item. It belongs to the whole batch, so only equal ones share
  // one.
  std::int32_t page_size = 0;
  // On whose behalf; none where the read is public. Of each key, so that those of different
  // principals travel together, and the answer of one is never another's.
  Principal principal = {};
  // Where a session is asked for: which one; `principal` is then the one that it is said to be of.
  SessionNumber session = {};

  friend bool operator==(const ReadKey&, const ReadKey&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const ReadKey& key) {
    return H::combine(std::move(hash), key.id, key.page_size, key.principal, key.session);
  }
};

class CoalescerQueue;
class KeyReader;
struct Flight;

// A key with its callers, of which it has at least one while it waits.
struct KeyEntry {
  KeyEntry() = default;
  KeyEntry(const KeyEntry&) = delete;
  KeyEntry& operator=(const KeyEntry&) = delete;

  ReadKey key;
  MonotonicTime since;           // when its first caller came
  Flight* flight = nullptr;      // null while it waits
  KeyReader* readers = nullptr;  // the one that came first
  KeyReader** readers_end = &readers;
  bool apart = false;  // it is kept apart
  std::list<KeyEntry>::iterator self;
};

// One caller. The awaitable of a coroutine, in whose frame it lives; Coalescer has the typed one.
class KeyReader : private TimerJob, private CancelListener {
 public:
  // `context` outlives the reader, `queue` too.
  KeyReader(CoalescerQueue& queue, RequestContext& context, const ReadKey& key);
  KeyReader(const KeyReader&) = delete;
  KeyReader& operator=(const KeyReader&) = delete;

  bool await_ready();
  void await_suspend(std::coroutine_handle<> awaiter);

  RequestContext& context() const { return context_; }

 protected:
  ~KeyReader() = default;

  // Not OK: it ended without an answer, or ignores the one that came.
  absl::Status early_end_;

 private:
  friend class CoalescerQueue;

  // The deadline, or the resumption after OnCancel.
  void Run() override;
  void OnCancel() override;
  // Leaves its key with `why`; false if it has to wait for the end of the flight first.
  bool Leave(absl::Status why);

  CoalescerQueue& queue_;
  RequestContext& context_;
  const ReadKey key_;
  const MonotonicTime began_;
  std::coroutine_handle<> awaiter_;
  bool deadline_seen_ = false;           // its timer has run once
  std::optional<BulkheadPermit> place_;  // among the backend's readers, until it has resumed
  KeyEntry* entry_ = nullptr;  // null before and after its time in the queue and in flight
  // The links of the entry's list.
  KeyReader** previous_ = nullptr;
  KeyReader* following_ = nullptr;
};

// Keys that are asked for in one call, on behalf of all their callers. In the frame of the
// coroutine that makes the call.
struct Flight {
  // Takes the keys that have callers still. The context has the names of the first caller, the
  // latest deadline of all, a cancellation of its own, and no principal: each key has its own.
  Flight(Executor& loop, const Clock& clock, std::list<KeyEntry> entries_in);

  RequestContext context;
  SharedCall shared;
  std::list<KeyEntry> entries;
  std::size_t readers = 0;  // that wait for it
  bool answered = false;
};

// Makes the calls.
class FlightSender {
 public:
  // Calls CoalescerQueue::Returned once for it.
  virtual void Send(std::list<KeyEntry> entries) = 0;
  // One key that is kept apart. It takes no place among the flights, so that such keys cannot hold
  // up the others; Returned is not called.
  virtual void SendApart(std::list<KeyEntry> entry) = 0;

 protected:
  ~FlightSender() = default;
};

class CoalescerQueue : private HoldListener {
 public:
  // All references outlive the queue. `method` is that of a single read: callers are counted and
  // timed under its name. `places` bounds the callers of all queues of the backend.
  CoalescerQueue(const CoalescerConfig& config, Executor& loop, const Clock& clock,
                 RpcMethod& method, Bulkhead& places, CoalescerMetrics& metrics,
                 FlightSender& sender);
  CoalescerQueue(const CoalescerQueue&) = delete;
  CoalescerQueue& operator=(const CoalescerQueue&) = delete;
  ~CoalescerQueue() { loop_.RemoveHoldListener(*this); }

  Executor& loop() const { return loop_; }
  const Clock& clock() const { return clock_; }
  BackendGuard& guard() const { return method_.guard(); }
  CoalescerMetrics& metrics() const { return metrics_; }

  // A flight that was sent has its answer, or has failed: sends what waits. Before the answers are
  // delivered, so that the service has work meanwhile.
  void Returned();

  // Takes the first caller out of an entry whose flight is answered, to be resumed with Resume;
  // null if it has none.
  KeyReader* TakeReader(KeyEntry& entry);
  template <typename Visit>
  static void ForEachReader(const KeyEntry& entry, const Visit& visit) {
    for (const KeyReader* reader = entry.readers; reader != nullptr; reader = reader->following_) {
      visit(*reader);
    }
  }
  // Whether TakeReader would find another one.
  static bool HasReader(const KeyEntry& entry) { return entry.readers != nullptr; }
  // Resumes a caller that was taken, on its route's account. `code`, if there is one, is what its
  // key's read came to at `now`, to be counted.
  void Resume(KeyReader& reader, std::optional<absl::StatusCode> code, MonotonicTime now);

  // The key made its batch fail: it is sent alone until it has been read, or for kApartTime.
  void KeepApart(const ReadKey& key);
  void StopKeepingApart(const ReadKey& key);

 private:
  friend class KeyReader;

  using Entries = std::list<KeyEntry>;
  // The keys of one page size, in the order in which they came.
  struct Group {
    std::int32_t page_size;
    Entries entries;
  };

  // False, with the reader's early_end_, if there is no place.
  bool Enter(KeyReader& reader);
  bool IsApart(const ReadKey& key, MonotonicTime now) const;
  Entries& GroupOf(std::int32_t page_size);
  // Whether the reader could be taken out; see KeyReader::Leave.
  bool Release(KeyReader& reader);
  void Erase(KeyEntry& entry);
  static void Link(KeyEntry& entry, KeyReader& reader);
  static void Unlink(KeyReader& reader);

  void RequestFlush();
  void EndTurn();
  // What waited could be past its deadline afterwards, although the service was idle.
  void OnHold() override;
  void Flush();
  // The one whose first key has waited longest; null if nothing waits.
  Group* FindOldest();
  // The more is in flight, the longer a key waits for company: where the service is busy, a further
  // small batch would only make all others later.
  Duration LongestWait() const { return config_.max_wait * static_cast<std::int64_t>(in_flight_); }
  bool MaySend(const Group& oldest, MonotonicTime now) const;
  // Takes at most so many keys off the list.
  Entries Take(Entries& waiting, std::size_t most, MonotonicTime now);
  // Lets callers go who have no time left. False if that was the last one, and the entry with it.
  bool DropLate(KeyEntry& entry, MonotonicTime now);

  const CoalescerConfig config_;
  Executor& loop_;
  const Clock& clock_;
  RpcMethod& method_;
  Bulkhead& places_;
  CoalescerMetrics& metrics_;
  FlightSender& sender_;

  std::vector<Group> groups_;  // at most one for each page size
  Entries alone_;              // waiting keys that are kept apart
  absl::flat_hash_map<ReadKey, KeyEntry*> waiting_;
  absl::flat_hash_map<ReadKey, MonotonicTime> apart_;  // until when
  std::size_t in_flight_ = 0;
  bool flush_requested_ = false;
  bool flushing_ = false;
  bool hold_comes_ = false;
  bool returned_ = false;    // a flight, since something was sent
  MonotonicTime wait_ends_;  // where wait_over_ is armed
  MemberJob<CoalescerQueue> flush_{*this, &CoalescerQueue::EndTurn};
  MemberJob<CoalescerQueue, TimerJob> wait_over_{*this, &CoalescerQueue::Flush};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_COALESCER_QUEUE_H_
