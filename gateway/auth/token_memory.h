// The tokens that a loop has verified lately, because a signature check costs more than the rest of
// a request.
//
// By the SHA-256 of the whole token, until the token expires. Bounded: a table of sets, the set
// chosen by the hash, and in a full set the entry that was used longest ago gives way. Only valid
// tokens are remembered, so that what clients make up displaces none; each of those costs its
// signature check. Says nothing about sessions. Of one loop.
#ifndef SCALEOUT_GATEWAY_AUTH_TOKEN_MEMORY_H_
#define SCALEOUT_GATEWAY_AUTH_TOKEN_MEMORY_H_

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "gateway/auth/verified_token.h"

struct evp_md_ctx_st;
struct evp_md_st;

namespace scaleout::gateway {

// Of a loop: so many sets of so many entries.
inline constexpr std::size_t kTokenMemoryWays = 8;
inline constexpr std::size_t kTokenMemorySets = 512;
inline constexpr std::size_t kMaxRememberedTokens = kTokenMemoryWays * kTokenMemorySets;

class TokenMemory {
 public:
  TokenMemory();
  TokenMemory(const TokenMemory&) = delete;
  TokenMemory& operator=(const TokenMemory&) = delete;
  ~TokenMemory();

  using Hash = std::array<unsigned char, 32>;
  Hash HashOf(std::string_view token);

  // Null if it is not remembered, or has expired at `now`. Valid until the next call.
  const VerifiedToken* Find(const Hash& hash, WallTime now);
  void Remember(const Hash& hash, VerifiedToken token);

 private:
  struct Entry {
    Hash hash{};
    VerifiedToken token;  // without a role: there is none
  };
  // The one that was used last is the first.
  using Set = std::array<Entry, kTokenMemoryWays>;

  Set& SetOf(const Hash& hash);

  const std::unique_ptr<evp_md_st, void (*)(evp_md_st*)> algorithm_;
  const std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> digest_;
  std::vector<Set> sets_;  // none before the first token
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_TOKEN_MEMORY_H_
