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

void FieldChecks::BatchIds(std::string_view field, const std::vector<std::int64_t>& ids,
                           std::size_t max) {
  Require(!ids.empty() && ids.size() <= max, field, StrCat("must name 1 to ", max, " ids"));
  rpc::v1::NamedIds named;
  for (std::size_t i = 0; i < std::min(ids.size(), max); ++i) {
    const std::string element = StrCat(field, "[", i, "]");
    Id(element, ids[i]);
    Refuse(element, named.FindViolation(ids[i]));
  }
}

}  // namespace scaleout
