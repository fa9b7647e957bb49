// Random numbers for cache tokens, passed in so that a test can choose them. No two gateways may
// make the same sequence, so the generator is seeded by the machine with all of its state.
// Thread-safe.
#ifndef SCALEOUT_GATEWAY_CACHE_TOKEN_SOURCE_H_
#define SCALEOUT_GATEWAY_CACHE_TOKEN_SOURCE_H_

#include <cstdint>
#include <functional>
#include <string>

namespace scaleout::gateway {

using TokenSource = std::function<std::uint64_t()>;

TokenSource MakeTokenSource();

// The next one as kCacheTokenBytes bytes.
std::string NextToken(const TokenSource& source);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CACHE_TOKEN_SOURCE_H_
