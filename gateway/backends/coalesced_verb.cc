#include "gateway/backends/coalesced_verb.h"

#include "common/status.h"

namespace scaleout::gateway {

std::optional<ReadKey> FindItemKey(std::int64_t id) {
  if (!rpc::v1::IsValidId(id)) return std::nullopt;
  return ReadKey{.id = id};
}

std::optional<ReadKey> FindListKey(std::int64_t id, std::int32_t page_size) {
  if (!rpc::v1::IsValidId(id) || page_size < 0) return std::nullopt;
  return ReadKey{.id = id, .page_size = rpc::v1::EffectivePageSize(page_size)};
}

absl::Status ToStatus(const rpc::v1::KeyError& error) {
  const absl::Status status(static_cast<absl::StatusCode>(error.code()), error.message());
  if (status.ok()) return absl::InternalError("An entry of a batch failed with OK.");
  return error.reason().empty() ? status : WithReason(status, error.reason());
}

absl::Status MalformedBatch(const BackendGuard& guard) {
  return absl::InternalError(
      StrCat("The answer of the ", guard.backend(), " service does not fit what it was asked."));
}

}  // namespace scaleout::gateway
