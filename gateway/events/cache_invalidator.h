// Replaces tokens of the cache for what owners say has changed: the gateways are one consumer group
// on the owners' streams, and each event is acted upon by one of them.
//
// So a value that was filled between a commit and the replacement that should have followed it is
// served no longer, also where the gateway that wrote is gone, or the change did not come through a
// gateway. The value has the tokens from before its fill; any replacement after the commit ends it.
//
// An event is acknowledged when redis-cache has taken the replacement. Until then its batch is
// tried again, and nothing new is read; what stays pending for half a second any other gateway may
// claim. But a cache that is away must not hold back the owners' other consumers, whose streams are
// bounded: after kEventHoldLimit events are acknowledged, and all of the cache is invalidated once
// redis-cache is back. A gateway that ends before that leaves old values until their time to live.
// Events may thus come twice, late, or in another order: all the same, because a replacement
// says nothing about the value, and one too many costs a miss. Sequences and gaps are not looked
// at. Entries that are no events, and events without tokens, are acknowledged without effect.
//
// Step() belongs to one thread, report() to all.
#ifndef SCALEOUT_GATEWAY_EVENTS_CACHE_INVALIDATOR_H_
#define SCALEOUT_GATEWAY_EVENTS_CACHE_INVALIDATOR_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/events/event_metrics.h"
#include "redis/stream_reader.h"

namespace scaleout::gateway {

// The streams of the owners, and the group in which the gateways read them.
std::vector<std::string> OwnersStreams();
inline constexpr std::string_view kGatewayGroup = "api-gateway";

// Entries of each stream that are read at a time, and those that are claimed.
inline constexpr int kEventBatch = 256;
inline constexpr std::chrono::milliseconds kEventReadWait{200};
inline constexpr std::chrono::milliseconds kEventClaimIdle{500};
// For how long events wait for redis-cache; and how often it is tried to invalidate all, then.
inline constexpr std::chrono::seconds kEventHoldLimit{10};
inline constexpr std::chrono::milliseconds kInvalidateAllInterval{500};
// After a failure of redis-state or redis-cache.
inline constexpr std::chrono::milliseconds kEventRetryPause{100};
inline constexpr std::chrono::seconds kBacklogInterval{1};
// How often consumers are looked for that are gone, and for how long they have been.
inline constexpr std::chrono::minutes kForgetInterval{1};
inline constexpr std::chrono::minutes kForgetIdle{10};

struct EventsReport {
  std::int64_t invalidated = 0;
  std::int64_t ignored = 0;
  std::int64_t malformed = 0;
  std::int64_t failed = 0;
  double lag_seconds_p50 = 0;
  double lag_seconds_p99 = 0;
  std::optional<Duration> last_event_age;  // none yet: nothing
  // What the group, that is all gateways, has before it; nothing until redis-state has said so.
  std::optional<Duration> backlogs_age;
  std::vector<StreamBacklog> backlogs;
};

class CacheInvalidator {
 public:
  // Replaces the tokens of these names; of none: invalidates all that is cached.
  using ReplaceTokens = std::function<absl::Status(const std::vector<std::string>& names)>;

  // Without a `replace` it acknowledges only, so that publishers can go on. The references outlive
  // the object.
  CacheInvalidator(std::unique_ptr<StreamReader> reader, ReplaceTokens replace, const Clock& clock,
                   Logger& logger, Metrics& metrics);

  // Reads and acts on at most kEventBatch entries of each stream twice over, or waits for one for
  // kEventReadWait. How long to pause before the next step.
  Duration Step();

  EventsReport report() const;

 private:
  struct Change {
    std::string type;
    Duration created;  // since 1970
  };
  // What is tried until redis-cache takes it.
  struct Batch {
    std::vector<Change> changes;
    std::vector<std::string> names;
    std::map<std::string, std::vector<std::string>> ids;  // by the stream
    std::optional<MonotonicTime> failed_first;
  };

  struct Malformed {
    std::string stream;
    std::string entry;
    std::string error;
  };

  absl::Status Read();
  void ReportMalformed();
  void Add(const StreamEntry& entry);
  // Whether nothing is left to be replaced.
  bool Deliver();
  // What is in the batch is done with.
  void Release();
  absl::Status Acknowledge();
  absl::Status LookAround();
  // Logs the first of a row of failures, and their end.
  void Note(const absl::Status& status, std::string_view failure, std::string_view recovery,
            bool& failing);

  const std::unique_ptr<StreamReader> reader_;
  const ReplaceTokens replace_;
  const Clock& clock_;
  Logger& logger_;
  EventMetrics metrics_;

  // The thread's own.
  Batch batch_;
  std::int64_t malformed_ = 0;  // entries that were read and are not reported yet
  Malformed first_malformed_;
  std::map<std::string, std::vector<std::string>> handled_;  // to be acknowledged
  bool owes_all_ = false;  // events were acknowledged without their replacements
  MonotonicTime next_all_;
  MonotonicTime next_claim_;
  MonotonicTime next_look_;
  MonotonicTime next_forget_;
  bool state_failing_ = false;
  bool cache_failing_ = false;

  mutable std::mutex mutex_;  // over what follows
  std::optional<MonotonicTime> last_event_;
  std::optional<MonotonicTime> looked_;
  std::vector<StreamBacklog> backlogs_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_EVENTS_CACHE_INVALIDATOR_H_
