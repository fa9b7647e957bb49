// Collects what is wrong with a request, so that its sender learns all of it at once.
//
// What a field may hold is its contract's to say (proto/scaleout/*/v1/*_limits.h); the gateway has
// checked it by the same rules, but a service has other callers too.
//
// A field is named by its path in the contract's message, as google.rpc.BadRequest has it: "email",
// "items[0].quantity". What HTTP clients call it is the gateway's to know
// (gateway/json/field_path.h). Not thread-safe; lives as long as one request is looked at.
#ifndef SCALEOUT_SERVICE_FIELD_CHECKS_H_
#define SCALEOUT_SERVICE_FIELD_CHECKS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/status.h"
#include "proto/scaleout/rpc/v1/request_limits.h"

namespace scaleout {

class FieldChecks {
 public:
  // `detail` completes "this field ...": "must not be empty".
  void Require(bool holds, std::string_view field, std::string_view detail);
  // What a rule of the contract found.
  void Refuse(std::string_view field, const rpc::v1::Violation& violation);
  void Id(std::string_view field, std::int64_t value);
  // Empty, or a key; where one is required, Refuse takes FindIdempotencyKeyViolation.
  void OptionalIdempotencyKey(std::string_view field, std::string_view value);
  // Empty, or a UUID.
  void OptionalUuid(std::string_view field, std::string_view value);
  // The ids in the field `id_field` of a batch's keys: 1 to rpc::v1::kMaxBatchKeys of them, each
  // valid. Violations name `keys` and `keys[3].user_id`.
  void BatchIds(std::string_view id_field, const std::vector<std::int64_t>& ids);

  bool ok() const { return violations_.empty(); }
  // How many violations were found so far.
  std::size_t size() const { return violations_.size(); }
  // INVALID_ARGUMENT with everything found so far; OK if nothing was.
  absl::Status Check() const { return CheckFields(violations_); }

 private:
  std::vector<FieldViolation> violations_;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_FIELD_CHECKS_H_
