// From the contract's name of a field to the client's: a service refuses `items[0].product_id`, as
// google.rpc.BadRequest names fields, and the client that sent the JSON is answered
// `/items/0/productId`.
//
// A path is made of names (`amount.currency_code`), each with indexes where it is repeated
// (`keys[3].user_id`). What clients know by another name than the one in camel case is listed: what
// all routes have in common here (a page is asked for with query parameters, a key comes in a
// header), the rest by the handler of the route. Pure and thread-safe.
#ifndef SCALEOUT_GATEWAY_JSON_FIELD_PATH_H_
#define SCALEOUT_GATEWAY_JSON_FIELD_PATH_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace scaleout::gateway {

// A longer path is no field of ours.
inline constexpr std::size_t kMaxFieldPathBytes = 256;

// A field that a route's clients know as something else: {"user_id", "/id"}.
struct ClientName {
  std::string_view path;
  std::string_view pointer;
};

// An RFC 6901 pointer for any path, in ASCII. What is no path is "", the request as a whole.
std::string ToJsonPointer(std::string_view path, std::span<const ClientName> names = {});

// `status` with its refused fields, if it has any, named for the client.
absl::Status WithClientNames(const absl::Status& status, std::span<const ClientName> names = {});

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_JSON_FIELD_PATH_H_
