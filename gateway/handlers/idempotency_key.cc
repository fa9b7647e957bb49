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

namespace {

constexpr std::string_view kSubject = "The Idempotency-Key ";
constexpr std::string_view kName = "idempotency-key";
constexpr std::string_view kRepeated = "must not be given more than once";
constexpr std::string_view kMissing = "is required, so that repeating the request is safe";

// A sentence where the key is all that is wrong; its end where it is one of several fields.
absl::Status Refuse(std::string_view detail) {
  return absl::InvalidArgumentError(StrCat(kSubject, detail, "."));
}

std::string DetailOf(const absl::Status& refused) {
  std::string_view message = FromAbsl(refused.message());
  message.remove_prefix(kSubject.size());
  message.remove_suffix(1);
  return std::string(message);
}

}  // namespace

absl::StatusOr<std::string> FindIdempotencyKey(const Request& request) {
  const std::optional<std::string_view> key = request.FindHeader(kName);
  if (!key) return std::string();
  if (request.CountHeaders(kName) > 1) return Refuse(kRepeated);
  if (const rpc::v1::Violation violation = rpc::v1::FindIdempotencyKeyViolation(*key)) {
    return Refuse(*violation);
  }
  return std::string(*key);
}

absl::StatusOr<std::string> RequireIdempotencyKey(const Request& request) {
  absl::StatusOr<std::string> key = FindIdempotencyKey(request);
  if (key.ok() && key->empty()) return Refuse(kMissing);
  return key;
}

absl::Status CheckCreation(QueryReader& query, const absl::Status& key, JsonBody& body) {
  absl::Status status = body.Check(query.TakeViolations());
  if (key.ok()) return status;
  std::vector<FieldViolation> violations = FieldViolationsOf(status);
  if (violations.empty()) return key;
  violations.emplace_back(ToJsonPointer("idempotency_key"), DetailOf(key));
  return CheckFields(std::move(violations));
}

}  // namespace scaleout::gateway
