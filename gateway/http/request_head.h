// The strict check and parse of a request's head (RFC 9112), before anything else believes a byte
// of it.
//
// One parser, so no two can disagree about where a request ends: that disagreement is what request
// smuggling is made of. Hence bare LF, folded lines, blanks before a colon, more than one
// Content-Length or Host, and any Transfer-Encoding are refused rather than repaired. Pure
// functions, thread-safe.
#ifndef SCALEOUT_GATEWAY_HTTP_REQUEST_HEAD_H_
#define SCALEOUT_GATEWAY_HTTP_REQUEST_HEAD_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gateway/http/message.h"

namespace scaleout::gateway {

inline constexpr std::size_t kMaxRequestHeaders = 100;
inline constexpr std::size_t kMaxQueryParameters = 100;

// How the message goes on after its head.
struct Framing {
  std::int64_t content_length = 0;
  bool keep_alive = true;         // what the client wishes
  bool expects_continue = false;  // Expect: 100-continue
};

// Whether `bytes`, the beginning of a head that has not ended yet, can still become one. Catches
// binary junk and bare LF before the head timeout does. Only the bytes from `scanned` on are looked
// at; those before it, an earlier call has found good.
bool CanBecomeHead(std::string_view bytes, std::size_t scanned = 0);

// Parses request.head, which ends with the empty line, into the other fields of `request` (not
// path_parameters, not body). An error carries its HTTP status (HttpError): 400, 411, 413, 414,
// 417, 431, 501 or 505, and the connection must be closed after it.
absl::StatusOr<Framing> ParseHead(Request& request);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_REQUEST_HEAD_H_
