#include "gateway/handlers/idempotency_key.h"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"
#include "common/str_cat.h"
#include "gateway/json/field_path.h"
#include "proto/scaleout/rpc/v1/request_limits.h"

namespace scaleout::gateway {

absl::StatusOr<std::string> FindIdempotencyKey(const Request& request) {
  const std::optional<std::string_view> key = request.FindHeader("idempotency-key");
  if (!key) return std::string();
  if (const rpc::v1::Violation violation = rpc::v1::FindIdempotencyKeyViolation(*key)) {
    return absl::InvalidArgumentError(StrCat("The Idempotency-Key ", *violation, "."));
  }
  return std::string(*key);
}

absl::StatusOr<std::string> RequireIdempotencyKey(const Request& request) {
  absl::StatusOr<std::string> key = FindIdempotencyKey(request);
  if (key.ok() && key->empty()) {
    return absl::InvalidArgumentError(
        "This request needs an Idempotency-Key header, so that repeating it is safe.");
  }
  return key;
}

absl::Status CheckCreation(QueryReader& query, const absl::Status& key, JsonBody& body) {
  absl::Status status = body.Check(query.TakeViolations());
  if (key.ok()) return status;
  std::vector<FieldViolation> violations = FieldViolationsOf(status);
  if (violations.empty()) return key;
  violations.emplace_back(ToJsonPointer("idempotency_key"), std::string(FromAbsl(key.message())));
  return CheckFields(std::move(violations));
}

}  // namespace scaleout::gateway
