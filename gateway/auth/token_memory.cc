#include "gateway/auth/token_memory.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace scaleout::gateway {

// The algorithm is fetched once: OpenSSL 3 looks it up anew for each hash otherwise.
TokenMemory::TokenMemory()
    : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr), &EVP_MD_free),
      digest_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {}

TokenMemory::~TokenMemory() = default;

TokenMemory::Hash TokenMemory::HashOf(std::string_view token) {
  Hash hash;
  if (EVP_DigestInit_ex2(digest_.get(), algorithm_.get(), nullptr) != 1 ||
      EVP_DigestUpdate(digest_.get(), token.data(), token.size()) != 1 ||
      EVP_DigestFinal_ex(digest_.get(), hash.data(), nullptr) != 1) {
    std::fputs("token memory: OpenSSL has no SHA-256\n", stderr);
    std::abort();
  }
  return hash;
}

TokenMemory::Set& TokenMemory::SetOf(const Hash& hash) {
  std::size_t bits = 0;
  std::memcpy(&bits, hash.data(), sizeof(bits));
  return sets_[bits % kTokenMemorySets];
}

const VerifiedToken* TokenMemory::Find(const Hash& hash, WallTime now) {
  if (sets_.empty()) return nullptr;
  Set& set = SetOf(hash);
  const auto found = std::ranges::find_if(set, [&hash](const Entry& entry) {
    return entry.hash == hash && entry.token.principal.role != Role::kNone;
  });
  if (found == set.end() || found->token.expires <= now) return nullptr;
  std::rotate(set.begin(), found, found + 1);
  return &set.front().token;
}

void TokenMemory::Remember(const Hash& hash, VerifiedToken token) {
  if (sets_.empty()) sets_.resize(kTokenMemorySets);
  Set& set = SetOf(hash);
  auto place = std::ranges::find(set, hash, &Entry::hash);
  if (place == set.end()) place = set.end() - 1;
  *place = Entry{hash, std::move(token)};
  std::rotate(set.begin(), place, place + 1);
}

}  // namespace scaleout::gateway
