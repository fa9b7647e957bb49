#include "service/field_checks.h"

#include <algorithm>

#include "common/str_cat.h"

namespace scaleout {

void FieldChecks::Require(bool holds, std::string_view field, std::string_view detail) {
  if (!holds) violations_.emplace_back(std::string(field), std::string(detail));
}

void FieldChecks::Refuse(std::string_view field, const rpc::v1::Violation& violation) {
  if (violation) violations_.emplace_back(std::string(field), *violation);
}

void FieldChecks::Id(std::string_view field, std::int64_t value) {
  Refuse(field, rpc::v1::FindIdViolation(value));
}

void FieldChecks::OptionalIdempotencyKey(std::string_view field, std::string_view value) {
  if (!value.empty()) Refuse(field, rpc::v1::FindIdempotencyKeyViolation(value));
}

void FieldChecks::OptionalUuid(std::string_view field, std::string_view value) {
  if (!value.empty()) Refuse(field, rpc::v1::FindUuidViolation(value));
}

void FieldChecks::BatchIds(std::string_view id_field, const std::vector<std::int64_t>& ids) {
  constexpr std::size_t kMaxKeys = rpc::v1::kMaxBatchKeys;
  Require(!ids.empty() && ids.size() <= kMaxKeys, "keys",
          StrCat("must have 1 to ", kMaxKeys, " keys"));
  for (std::size_t i = 0; i < std::min(ids.size(), kMaxKeys); ++i) {
    if (!rpc::v1::IsValidId(ids[i])) Id(StrCat("keys[", i, "].", id_field), ids[i]);
  }
}

}  // namespace scaleout
