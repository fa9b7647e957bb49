// Deletes rows that are no longer needed, in small batches, once a minute.
//
// Several replicas may do it at once. It runs on a thread of its own, from Start() to the
// destructor, and takes one connection of its pool for the time of a statement.
#ifndef SCALEOUT_SERVICE_BATCH_PURGE_H_
#define SCALEOUT_SERVICE_BATCH_PURGE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "common/clock.h"
#include "common/log.h"
#include "service/background_thread.h"

namespace scaleout {

// Rows of one statement.
inline constexpr std::int32_t kPurgeBatch = 500;

struct BatchPurgeOptions {
  std::string name;  // of the thread; at most 15 characters
  std::string work;  // in log lines: "deleting old sessions"
  // Deletes at most so many rows; how many it has deleted.
  std::function<absl::StatusOr<std::int64_t>(const CallContext&, std::int32_t)> purge;
};

class BatchPurge {
 public:
  // The references, and what `options.purge` uses, must outlive it.
  BatchPurge(BatchPurgeOptions options, Logger& logger, const Clock& clock);

  // Rounds begin once `is_ready` says that the tables are there. Once.
  void Start(std::function<bool()> is_ready);

  // Batches until one is not full; for tests too.
  absl::Status Round();

 private:
  const BatchPurgeOptions options_;
  BackgroundThread thread_;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_BATCH_PURGE_H_
