// Errors as values: absl::Status with the canonical gRPC codes, and what may ride on one.
//
// A refused field travels as a payload (ErrorDetails, proto/scaleout/rpc/v1) from the place that
// found it to the problem document that lists it; the gateway renames it on the way. An OK status
// carries nothing: what is put on one is dropped. Nothing here throws. All functions are pure and
// thread-safe.
#ifndef SCALEOUT_COMMON_STATUS_H_
#define SCALEOUT_COMMON_STATUS_H_

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace scaleout {

// What details may take on the wire. gRPC's peers refuse metadata over 8 KiB in all, and the caller
// would then see RESOURCE_EXHAUSTED in place of the error.
inline constexpr std::size_t kMaxDetailsBytes = 4096;

// One refused field: its name, and the end of a sentence for people that begins with it ("must not
// be empty").
struct FieldViolation {
  FieldViolation(std::string field_in, std::string detail_in)
      : field(std::move(field_in)), detail(std::move(detail_in)) {}
  friend bool operator==(const FieldViolation&, const FieldViolation&) = default;

  // Where a service refuses it, the contract's path (`items[0].quantity`, ErrorDetails); where the
  // gateway answers a client, an RFC 6901 JSON pointer (`/items/0/quantity`).
  std::string field;
  std::string detail;
};

// How many refused fields a status lists: a body of 64 KiB can have ten thousand.
inline constexpr std::size_t kMaxListedFields = 100;

// INVALID_ARGUMENT with the refused fields; OK if there is none. Of more than kMaxListedFields the
// first are listed, and after them one without a name that says how many are not.
absl::Status CheckFields(std::vector<FieldViolation> violations);

// The refused fields that ride on `status`; empty if none do.
std::vector<FieldViolation> FieldViolationsOf(const absl::Status& status);

// `status` with each of those under the name that `rename` gives it; its reason and metadata stay.
// The message of an INVALID_ARGUMENT, which lists the names, is made anew.
absl::Status RenameFields(const absl::Status& status,
                          const std::function<std::string(std::string_view)>& rename);

using ErrorMetadata = std::map<std::string, std::string, std::less<>>;

// `status` with a stable, machine-readable reason (UPPER_SNAKE_CASE) and named facts, and back.
// Empty where there are none. A second reason replaces the first; facts add up. Facts become
// members of the problem document; `retryAfterMs` also becomes its Retry-After header.
absl::Status WithReason(absl::Status status, std::string_view reason,
                        const ErrorMetadata& metadata = {});
std::string ReasonOf(const absl::Status& status);
ErrorMetadata MetadataOf(const absl::Status& status);

// Reasons of an UNAVAILABLE that both sides of a call know: a queue of work was full; no connection
// to the database was free in time; what ended a session is done, but not yet known to the
// gateways; the payment provider's answer is unknown.
inline constexpr std::string_view kReasonOverloaded = "OVERLOADED";
inline constexpr std::string_view kReasonPoolExhausted = "DATABASE_POOL_EXHAUSTED";
inline constexpr std::string_view kReasonRevocationPending = "REVOCATION_PENDING";
inline constexpr std::string_view kReasonPaymentUnknown = "PAYMENT_OUTCOME_UNKNOWN";

// The canonical name of a code, "NOT_FOUND"; "UNKNOWN" for a value that has no name.
std::string_view CodeName(absl::StatusCode code);

// The serialized ErrorDetails of `status`, for the wire; empty if it has none. The last refused
// fields are left out where all would exceed kMaxDetailsBytes.
std::string SerializeDetails(const absl::Status& status);
// And back onto a status. What does not parse is ignored: it is an error's decoration.
void AttachDetails(absl::Status& status, std::string_view serialized);

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_STATUS_H_
