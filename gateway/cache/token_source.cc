#include "gateway/cache/token_source.h"

#include "absl/random/random.h"
#include "gateway/cache/cache_entry.h"

namespace scaleout::gateway {

TokenSource MakeTokenSource() {
  return [] {
    thread_local absl::BitGen generator;
    return absl::Uniform<std::uint64_t>(generator);
  };
}

std::string NextToken(const TokenSource& source) {
  const std::uint64_t number = source();
  std::string token(kCacheTokenBytes, '\0');
  for (std::size_t i = 0; i < kCacheTokenBytes; ++i) {
    token[i] = static_cast<char>(number >> (8 * i) & 0xFF);
  }
  return token;
}

}  // namespace scaleout::gateway
