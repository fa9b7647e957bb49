#include "gateway/backends/coalescer.h"

#include <string>

#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

// Of the request ids that one line lists.
constexpr std::size_t kListedRequests = 64;

}  // namespace

bool IsTooLargeForBatch(const absl::Status& status) {
  return absl::IsResourceExhausted(status) && ReasonOf(status) == rpc::v1::kEntryTooLarge;
}

void LogSharedCall(Logger& logger, const RpcMethod& method, const Flight& flight) {
  if (flight.readers < 2 || !logger.Enabled(LogLevel::kDebug)) return;
  std::string ids;
  std::size_t listed = 0;
  for (const KeyEntry& entry : flight.entries) {
    CoalescerQueue::ForEachReader(entry, [&](const KeyReader& reader) {
      if (++listed > kListedRequests) return;
      StrAppend(&ids, ids.empty() ? "" : ",", reader.context().request_id);
    });
  }
  logger.Debug("reads share a call", {{"backend", method.guard().backend()},
                                      {"method", method.name()},
                                      {"keys", static_cast<std::int64_t>(flight.entries.size())},
                                      {"requests", static_cast<std::int64_t>(flight.readers)},
                                      {"requestId", flight.context.request_id},
                                      {"requestIds", ids}});
}

}  // namespace scaleout::gateway
