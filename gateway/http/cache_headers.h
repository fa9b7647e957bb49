// What an answer says about caches: the validator of its body, who may keep it, and what the
// gateway's own cache did.
//
//   ETag            of each 200 to a GET of a public or a user's route that says nothing else about
//                   caching; strong, or weak where a part of the body is about this answer only
//   304             in place of such an answer that the client has (If-None-Match)
//   Cache-Control   "private, no-cache" on users' routes: kept by the client alone, and asked for
//                   again each time; on public ones what PublicCaching says
//   X-Cache, Cache-Status (RFC 9211), Age    where the gateway's cache was asked (CacheNote)
//
// A request with "Cache-Control: no-cache" (or max-age=0) wants none of a cache. Pure.
#ifndef SCALEOUT_GATEWAY_HTTP_CACHE_HEADERS_H_
#define SCALEOUT_GATEWAY_HTTP_CACHE_HEADERS_H_

#include <chrono>
#include <string>

#include "gateway/http/message.h"
#include "gateway/http/route.h"
#include "gateway/runtime/cache_note.h"

namespace scaleout::gateway {

// How long a cache in front of the gateway may keep public answers. A write is seen through it only
// after that, so it is short.
struct PublicCaching {
  std::chrono::milliseconds max_age{2'000};
  // And serve them for so long after that while it asks for new ones, and when it gets none.
  std::chrono::milliseconds stale_while_revalidate{10'000};
  std::chrono::milliseconds stale_if_error{60'000};
};

// The value of Cache-Control for it; whole seconds, rounded down.
std::string RenderPublicCaching(const PublicCaching& caching);

// Whether the client wants an answer of the service.
bool WantsRevalidation(const Request& request);

// Adds the headers, and makes a 304 of the answer if the client has it. `public_caching` is what
// RenderPublicCaching made.
void AddCacheHeaders(const Request& request, Access access, const CacheNote& note,
                     const std::string& public_caching, Response& response);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_CACHE_HEADERS_H_
