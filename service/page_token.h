// Keyset page tokens: "continue after this id", opaque to clients (base64url) and bound to one list
// and one filter.
//
// A token carries the last id of a page and a checksum over the list's name, its filter and that
// id. It is not a secret and not a signature: the checksum catches a token of another list, of
// another filter, and a mangled one; it does not stop a client that wants to forge one, which would
// gain nothing that the list does not show anyway. Pure and thread-safe.
#ifndef SCALEOUT_SERVICE_PAGE_TOKEN_H_
#define SCALEOUT_SERVICE_PAGE_TOKEN_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proto/scaleout/rpc/v1/request_limits.h"
#include "service/field_checks.h"

namespace scaleout {

// `scope` names the list and its filter, such as "orders?user_id=7".
std::string MakePageToken(std::string_view scope, std::int64_t last_id);

// The last id of the page before. INVALID_ARGUMENT naming page_token for anything
// MakePageToken(scope, ...) did not make.
absl::StatusOr<std::int64_t> ParsePageToken(std::string_view scope, std::string_view token);

// Which page of a list is asked for.
struct Page {
  std::int64_t after_id =
      0;  // the last id of the page before, in the list's order; 0 for the first page
  std::int32_t size = rpc::v1::kDefaultPageSize;
};

// How many items the list gives (request_limits.h); a negative size is a violation.
std::int32_t ParsePageSize(std::int32_t requested, FieldChecks& checks);

// Both fields of a list's request; violations name page_size and page_token.
Page ParsePage(std::string_view scope, std::int32_t size, std::string_view token,
               FieldChecks& checks);

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_PAGE_TOKEN_H_
