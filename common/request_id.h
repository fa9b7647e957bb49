// What names a request on its way through the programs: X-Request-Id and the W3C traceparent.
//
// The gateway and the services check both by these functions, so that what one of them passes on,
// the next one takes. Pure functions, thread-safe.
#ifndef SCALEOUT_COMMON_REQUEST_ID_H_
#define SCALEOUT_COMMON_REQUEST_ID_H_

#include <cstddef>
#include <string_view>

namespace scaleout {

inline constexpr std::size_t kMaxRequestIdLength = 128;

// Whether `text` is 1 to 128 letters, digits, dots, underscores and hyphens: safe in a header, a
// log line and a shell. Colons are refused: they separate fields in too many formats.
bool IsWellFormedRequestId(std::string_view text);

// The 32 hex digits of the trace id in a traceparent "00-<32 hex>-<16 hex>-<2 hex>", lower case,
// neither id all zero (W3C Trace Context, section 3.2); empty if `traceparent` is not one. A view
// into it.
std::string_view TraceIdOf(std::string_view traceparent);

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_REQUEST_ID_H_
