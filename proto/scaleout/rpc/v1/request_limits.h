// The limits that all contracts share: of ids, pages, batches and idempotency keys, as numbers and
// as rules.
//
// The gateway checks requests by them before it calls a service, so that one answer lists every
// mistake; a service checks them again, because it has other callers too. The comments of the
// protos and docs/openapi.yaml state the same numbers, which request_limits_test compares.
//
// A rule returns what is wrong with a value, as the end of a sentence that begins with the field's
// name, or nothing. A character is a Unicode code point; texts are valid UTF-8, which Protobuf and
// the JSON reader check. All rules are pure and thread-safe.
#ifndef SCALEOUT_PROTO_SCALEOUT_RPC_V1_REQUEST_LIMITS_H_
#define SCALEOUT_PROTO_SCALEOUT_RPC_V1_REQUEST_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace scaleout::rpc::v1 {

// The end of a sentence ("must have 1 to 100 characters"), or nothing if the value is fine.
using Violation = std::optional<std::string>;

// Ids are JSON numbers; beyond this a double cannot tell them apart.
inline constexpr std::int64_t kMaxId = (std::int64_t{1} << 53) - 1;

// Of `page_size`, in items.
inline constexpr std::int32_t kDefaultPageSize = 20;
inline constexpr std::int32_t kMaxPageSize = 100;
inline constexpr std::size_t kMaxPageTokenBytes = 512;

// Of one batch read; more would hold a database connection for too long.
inline constexpr std::size_t kMaxBatchKeys = 64;
// Of the serialized answer of a batch read. gRPC's clients refuse messages above 4 MiB. An entry
// that does not fit beside the entries before it is replaced by a KeyError with kEntryTooLarge.
inline constexpr std::size_t kMaxBatchAnswerBytes = 3 * 1024 * 1024;
inline constexpr std::string_view kEntryTooLarge = "ENTRY_TOO_LARGE";

// Printable ASCII, hence as many bytes.
inline constexpr std::size_t kMaxIdempotencyKeyCharacters = 200;

// Whether a request may name it, not whether anything has that id.
constexpr bool IsValidId(std::int64_t value) { return value > 0 && value <= kMaxId; }
Violation FindIdViolation(std::optional<std::int64_t> value);

// From `min` to `max`. Here and above, nullopt stands for a value that is not an integer.
Violation FindIntegerViolation(std::optional<std::int64_t> value, std::int64_t min,
                               std::int64_t max);

// From `min` to `max` characters, none of them a control character (U+0000 to U+001F, U+007F).
Violation FindTextViolation(std::string_view value, std::size_t min_characters,
                            std::size_t max_characters);

// 1 to kMaxIdempotencyKeyCharacters of printable ASCII. Where a key is optional, the caller asks
// only if there is one.
Violation FindIdempotencyKeyViolation(std::string_view value);

// As PostgreSQL writes one: 36 characters, hexadecimal digits in lower case.
bool IsUuid(std::string_view value);
Violation FindUuidViolation(std::string_view value);

// Refuses negative sizes, and values that are not integers (nullopt).
Violation FindPageSizeViolation(std::optional<std::int64_t> value);
// How many items a list gives: 0 means kDefaultPageSize, more than kMaxPageSize means kMaxPageSize.
std::int32_t EffectivePageSize(std::int64_t value);

// The violation of every token that the list did not return with the same filter.
inline constexpr std::string_view kForeignPageToken =
    "is not a token of this list with this filter";
// Whether it can be a token: at most kMaxPageTokenBytes of graphic ASCII, empty for the first page.
// Only the service can check that its list returned it.
Violation FindPageTokenViolation(std::string_view value);

// Finds repeated ids in a list in which each may occur once: the products of an order.
class NamedIds {
 public:
  // A violation if `id` is valid and was passed before. Invalid ids are left to FindIdViolation().
  Violation FindViolation(std::int64_t id);

 private:
  std::set<std::int64_t> seen_;
};

}  // namespace scaleout::rpc::v1

#endif  // SCALEOUT_PROTO_SCALEOUT_RPC_V1_REQUEST_LIMITS_H_
