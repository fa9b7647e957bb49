#include "services/user/argon2.h"

#include <sodium.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "common/str_cat.h"

namespace scaleout::user {
namespace {

constexpr std::size_t kHashBytes = 32;
constexpr std::string_view kNoSalt = "AAAAAAAAAAAAAAAAAAAAAA";
constexpr std::string_view kNoHash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

struct Argon2 {
  HashCost cost;
  std::array<unsigned char, crypto_pwhash_SALTBYTES> salt{};
  std::array<unsigned char, kHashBytes> hash{};
};

// Takes `text` from the beginning of `rest`.
bool Skip(std::string_view& rest, std::string_view text) {
  if (!rest.starts_with(text)) return false;
  rest.remove_prefix(text.size());
  return true;
}

template <typename Number>
bool TakeNumber(std::string_view& rest, Number& number) {
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc()) return false;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return true;
}

template <std::size_t kSize>
bool Decode(std::string_view base64, std::array<unsigned char, kSize>& bytes) {
  std::size_t size = 0;
  return sodium_base642bin(bytes.data(), kSize, base64.data(), base64.size(), nullptr, &size,
                           nullptr, sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
         size == kSize;
}

std::optional<Argon2> Parse(std::string_view rest) {
  Argon2 parsed;
  std::size_t kibibytes = 0;
  if (!Skip(rest, "$argon2id$v=19$m=") || !TakeNumber(rest, kibibytes) || !Skip(rest, ",t=") ||
      !TakeNumber(rest, parsed.cost.passes) || !Skip(rest, ",p=1$")) {
    return std::nullopt;
  }
  const std::size_t dollar = rest.find('$');
  if (kibibytes > crypto_pwhash_MEMLIMIT_MAX / 1024 || dollar == std::string_view::npos ||
      !Decode(rest.substr(0, dollar), parsed.salt) ||
      !Decode(rest.substr(dollar + 1), parsed.hash)) {
    return std::nullopt;
  }
  parsed.cost.memory_bytes = kibibytes * 1024;
  return parsed;
}

// Of crypto_pwhash: for another cost than it takes.
bool IsRefusal(int error) { return error == EINVAL || error == EFBIG; }

}  // namespace

std::optional<std::string> MakeArgon2(const HashCost& cost, std::string_view password) {
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), cost.passes,
                            cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return std::nullopt;
  }
  return hash.data();
}

std::optional<bool> MatchesArgon2(const std::string& hash, std::string_view password) {
  const std::optional<Argon2> stored = Parse(hash);
  if (!stored) return false;
  std::array<unsigned char, kHashBytes> made{};
  errno = 0;
  if (crypto_pwhash(made.data(), made.size(), password.data(), password.size(), stored->salt.data(),
                    stored->cost.passes, stored->cost.memory_bytes,
                    crypto_pwhash_ALG_ARGON2ID13) != 0) {
    if (IsRefusal(errno)) return false;
    return std::nullopt;
  }
  return sodium_memcmp(made.data(), stored->hash.data(), kHashBytes) == 0;
}

bool HasOtherCost(const std::string& hash, const HashCost& cost) {
  return crypto_pwhash_str_needs_rehash(hash.c_str(), cost.passes, cost.memory_bytes) != 0;
}

std::string DummyArgon2(const HashCost& cost) {
  return StrCat("$argon2id$v=19$m=", cost.memory_bytes / 1024, ",t=", cost.passes, ",p=1$", kNoSalt,
                "$", kNoHash);
}

}  // namespace scaleout::user
