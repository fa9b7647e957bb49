// Collects what is wrong with a request, so that its sender learns all of it at once.
//
// A service names each field by the JSON pointer of the HTTP body that it came from
// ("/items/0/quantity"), or of the query parameter ("/page_size"). Not thread-safe; lives as long
// as one request is looked at.
#ifndef SCALEOUT_SERVICE_FIELD_CHECKS_H_
#define SCALEOUT_SERVICE_FIELD_CHECKS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/status.h"

namespace scaleout {

// Of an idempotency key, in characters.
inline constexpr std::size_t kMaxIdempotencyKey = 200;

class FieldChecks {
 public:
  // `detail` completes "this field ...": "must not be empty".
  void Require(bool holds, std::string_view pointer, std::string_view detail);
  // A positive id below 2^53.
  void Id(std::string_view pointer, std::int64_t value);
  // From `min` to `max` Unicode characters, none of them a control character.
  void Text(std::string_view pointer, std::string_view value, std::size_t min, std::size_t max);
  // Absent, or a text of at most kMaxIdempotencyKey.
  void IdempotencyKey(std::string_view pointer, std::string_view value);
  // The keys of a batch: 1 to `max`, each a valid id, each once.
  void BatchIds(std::string_view pointer, const std::vector<std::int64_t>& ids, std::size_t max);

  bool ok() const { return violations_.empty(); }
  // INVALID_ARGUMENT with everything found so far; OK if nothing was.
  absl::Status Check() const { return CheckFields(violations_); }

 private:
  std::vector<FieldViolation> violations_;
};

// Keys of one batch read; more would hold a connection for too long.
inline constexpr std::size_t kMaxBatchKeys = 64;

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_FIELD_CHECKS_H_
