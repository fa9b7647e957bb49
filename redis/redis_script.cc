#include "redis/redis_script.h"

#include <openssl/sha.h>

#include <array>
#include <cstdlib>

namespace scaleout {
namespace {

std::string HexSha1(std::string_view text) {
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 0xF];
  }
  return hex;
}

// As text that outlives the arguments.
std::string_view CountText(std::size_t count) {
  static const auto texts = [] {
    std::array<std::string, RedisScript::kMaxKeys + 1> numbers;
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = std::to_string(i);
    return numbers;
  }();
  if (count >= texts.size()) std::abort();
  return texts[count];
}

}  // namespace

RedisScript::RedisScript(std::string_view text) : text_(text), hash_(HexSha1(text)) {}

std::vector<std::string_view> RedisScript::Call(std::span<const std::string_view> keys,
                                                std::span<const std::string_view> arguments,
                                                bool by_text) const {
  std::vector<std::string_view> call;
  call.reserve(3 + keys.size() + arguments.size());
  call.push_back(by_text ? "EVAL" : "EVALSHA");
  call.push_back(by_text ? text_ : hash_);
  call.push_back(CountText(keys.size()));
  call.insert(call.end(), keys.begin(), keys.end());
  call.insert(call.end(), arguments.begin(), arguments.end());
  return call;
}

}  // namespace scaleout
