// The same reads of concurrent requests on one loop, as one batch call.
//
//   Task<absl::StatusOr<Response>> reading = coalescer.Read(context, key);
//
// One for each (loop, method). CoalescerQueue says when keys are sent; here they are asked for and
// their answers given out. An entry's error is its callers' answer. Of a batch that fails:
//
// - UNAVAILABLE, DEADLINE_EXCEEDED and the rest are the answer of all; the guard has retried it.
// - INTERNAL, UNKNOWN and INVALID_ARGUMENT may be one key's fault, so it is asked again in halves,
//   if the guard allows it (BackendGuard::MayDivide): a key that makes the service fail fails
//   alone. Halving ends at one key, so at most log2(max_keys) levels deep.
// - UNIMPLEMENTED: a service older than the batch's contract; each key is asked for alone.
//
// A single key travels as the method's own call, not as a batch of one: it costs less, and what
// does not fit into a batch's answer (ENTRY_TOO_LARGE) is asked for that way too. Calls go through
// the guard, one batch as one call, which the breaker counts for each of its callers
// (shared_call.h). Reads only. Loop thread only.
#ifndef SCALEOUT_GATEWAY_BACKENDS_COALESCER_H_
#define SCALEOUT_GATEWAY_BACKENDS_COALESCER_H_

#include <cstddef>
#include <functional>
#include <iterator>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/status.h"
#include "gateway/backends/backend_guard.h"
#include "gateway/backends/coalescer_config.h"
#include "gateway/backends/coalescer_metrics.h"
#include "gateway/backends/coalescer_queue.h"
#include "gateway/resilience/call_outcome.h"
#include "gateway/resilience/rejection.h"
#include "gateway/runtime/early_end.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"
#include "proto/scaleout/rpc/v1/request_limits.h"

namespace scaleout::gateway {

// Whether a key's answer did not fit into its batch's.
bool IsTooLargeForBatch(const absl::Status& status);
// A debug line with the ids of all requests, where more than one share a call.
void LogSharedCall(Logger& logger, const RpcMethod& method, const Flight& flight);

template <typename Response>
class Coalescer final : private FlightSender {
 public:
  // An answer for each key, in the order of the keys.
  using Answers = std::vector<absl::StatusOr<Response>>;
  // How the service is asked: through the guard, and no longer than to the context's deadline.
  struct Calls {
    // Keys of one page size.
    std::function<Task<absl::StatusOr<Answers>>(RequestContext&, std::vector<ReadKey>)> batch;
    std::function<Task<absl::StatusOr<Response>>(RequestContext&, const ReadKey&)> one;
  };

  // The references outlive the coalescer, and it all reads. `method` is that of a single read.
  Coalescer(const CoalescerConfig& config, Executor& loop, const Clock& clock, Logger& logger,
            RpcMethod& method, Bulkhead& places, CoalescerMetrics& metrics, const Calls& calls)
      : logger_(logger),
        method_(method),
        calls_(calls),
        queue_(config, loop, clock, method, places, metrics, *this) {}
  Coalescer(const Coalescer&) = delete;
  Coalescer& operator=(const Coalescer&) = delete;

  // The service's answer for `key`, or why there is none in the time of `context`.
  Task<absl::StatusOr<Response>> Read(RequestContext& context, ReadKey key) {
    Reader reader(queue_, context, key);
    absl::StatusOr<Response> answer = co_await reader;
    co_return answer;
  }

 private:
  class Reader final : public KeyReader {
   public:
    using KeyReader::KeyReader;
    absl::StatusOr<Response> await_resume() {
      if (!early_end_.ok()) return std::move(early_end_);
      return *std::move(answer);
    }
    std::optional<absl::StatusOr<Response>> answer;
  };

  void Send(std::list<KeyEntry> entries) override { Start(Fly(std::move(entries), true)); }
  void SendApart(std::list<KeyEntry> entry) override { Again(std::move(entry)); }
  void Again(std::list<KeyEntry> entries) { Start(Fly(std::move(entries), false)); }

  // The whole life of a flight. Its callers' requests outlive it.
  Task<void> Fly(std::list<KeyEntry> entries, bool first) {
    Flight flight(queue_.loop(), queue_.clock(), std::move(entries));
    if (flight.entries.empty()) co_return;
    LogSharedCall(logger_, method_, flight);
    absl::StatusOr<Answers> answers = absl::UnknownError("not asked");
    if (flight.entries.size() == 1) {
      Task<absl::StatusOr<Response>> asking =
          calls_.one(flight.context, flight.entries.front().key);
      absl::StatusOr<Response> answer = co_await asking;
      NoteSingle(flight.entries.front().key, answer.status(), first);
      answers.emplace();
      answers->push_back(std::move(answer));
    } else {
      std::vector<ReadKey> keys;
      keys.reserve(flight.entries.size());
      for (const KeyEntry& entry : flight.entries) keys.push_back(entry.key);
      Task<absl::StatusOr<Answers>> asking = calls_.batch(flight.context, std::move(keys));
      absl::StatusOr<Answers> asked = co_await asking;
      answers = std::move(asked);
    }
    if (first) queue_.Returned();
    flight.answered = true;
    if (flight.context.cancellation.cancelled()) {
      // All have left; what is left of it must not be asked again.
      GiveOutToAll(flight, ClientGone());
    } else if (answers.ok()) {
      Deliver(flight, *answers);
    } else {
      Fail(flight, answers.status());
    }
  }

  // A single key's call has ended with `status`.
  void NoteSingle(const ReadKey& key, const absl::Status& status, bool first) {
    if (MayBeOnePartsFault(status.code())) {
      if (!first) queue_.KeepApart(key);
    } else if (ClassifyCall(status) == CallOutcome::kSuccess) {
      queue_.StopKeepingApart(key);
    }
  }

  void Deliver(Flight& flight, Answers& answers) {
    const MonotonicTime now = queue_.clock().Now();
    const bool was_batch = answers.size() > 1;
    std::list<std::list<KeyEntry>> alone;
    auto entry = flight.entries.begin();
    for (absl::StatusOr<Response>& answer : answers) {
      const auto following = std::next(entry);
      if (was_batch && IsTooLargeForBatch(answer.status())) {
        alone.emplace_back().splice(alone.back().end(), flight.entries, entry);
      } else {
        GiveOut(*entry, std::move(answer), now);
      }
      entry = following;
    }
    for (std::list<KeyEntry>& key : alone) Again(std::move(key));
  }

  void Fail(Flight& flight, const absl::Status& status) {
    std::list<KeyEntry>& keys = flight.entries;
    if (absl::IsUnimplemented(status)) {
      while (!keys.empty()) {
        std::list<KeyEntry> one;
        one.splice(one.end(), keys, keys.begin());
        Again(std::move(one));
      }
    } else if (flight.shared.divided) {
      queue_.metrics().CountSplit();
      std::list<KeyEntry> half;
      half.splice(half.end(), keys, keys.begin(),
                  std::next(keys.begin(), static_cast<std::ptrdiff_t>(keys.size() / 2)));
      Again(std::move(half));
      Again(std::move(keys));
    } else if (absl::IsInvalidArgument(status)) {
      // The fields that it names are those of the batch.
      GiveOutToAll(flight, absl::InternalError("The service refused a batch of reads."));
    } else {
      GiveOutToAll(flight, status);
    }
  }

  void GiveOutToAll(Flight& flight, const absl::Status& status) {
    const MonotonicTime now = queue_.clock().Now();
    for (KeyEntry& entry : flight.entries) GiveOut(entry, status, now);
  }

  // To every caller of the key; the last one gets the answer itself, the others copies.
  void GiveOut(KeyEntry& entry, absl::StatusOr<Response> answer, MonotonicTime now) {
    std::optional<absl::StatusCode> code;
    if (answer.ok() || !IsRejectedCall(answer.status())) code = answer.status().code();
    while (KeyReader* const taken = queue_.TakeReader(entry)) {
      auto& reader = static_cast<Reader&>(*taken);
      if (CoalescerQueue::HasReader(entry)) {
        reader.answer.emplace(answer);
      } else {
        reader.answer.emplace(std::move(answer));
      }
      queue_.Resume(reader, code, now);
    }
  }

  Logger& logger_;
  RpcMethod& method_;
  const Calls& calls_;
  CoalescerQueue queue_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_COALESCER_H_
