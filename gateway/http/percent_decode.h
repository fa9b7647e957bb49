// Percent-decoding of paths and queries (RFC 3986, section 2.1), strict: what is decoded goes into
// log lines, SQL parameters and JSON, so that it has to be UTF-8 without control characters. It is
// done once; a second pass over decoded text would read %2525 as a percent sign. Pure functions,
// thread-safe.
#ifndef SCALEOUT_GATEWAY_HTTP_PERCENT_DECODE_H_
#define SCALEOUT_GATEWAY_HTTP_PERCENT_DECODE_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scaleout::gateway {

// Whether `text` is printable ASCII without an escape: it decodes to itself.
bool IsPlain(std::string_view text);

// `text` with its escapes decoded; nothing if an escape is malformed, or the result has a control
// character or is not UTF-8.
std::optional<std::string> PercentDecode(std::string_view text);

// The pairs of a query string "a=1&b=&c", in order, decoded, '+' as a blank; nothing where
// PercentDecode says so.
std::optional<std::vector<std::pair<std::string, std::string>>> ParseQuery(std::string_view query);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_PERCENT_DECODE_H_
