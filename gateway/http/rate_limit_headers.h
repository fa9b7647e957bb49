// What an answer says about rate limits (draft-ietf-httpapi-ratelimit-headers-10), of each policy
// that counted the request:
//
//   RateLimit-Policy: "default";q=100;w=1    100 in a second
//   RateLimit: "default";r=99;t=1            99 are left, one more than that in a second at most
//
// Pure.
#ifndef SCALEOUT_GATEWAY_HTTP_RATE_LIMIT_HEADERS_H_
#define SCALEOUT_GATEWAY_HTTP_RATE_LIMIT_HEADERS_H_

#include <vector>

#include "gateway/http/message.h"
#include "gateway/runtime/rate_limit_note.h"

namespace scaleout::gateway {

void AddRateLimitHeaders(const std::vector<RateLimitNote>& notes, Response& response);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_RATE_LIMIT_HEADERS_H_
