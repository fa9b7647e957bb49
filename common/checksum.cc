#include "common/checksum.h"

#include "absl/strings/str_format.h"

namespace scaleout {
namespace {

constexpr std::uint64_t kOffset = 14695981039346656037u;
constexpr std::uint64_t kPrime = 1099511628211u;

}  // namespace

std::uint64_t Checksum(std::initializer_list<std::string_view> parts) {
  std::uint64_t hash = kOffset;
  for (const std::string_view part : parts) {
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
    for (std::uint64_t size = part.size(); size != 0; size >>= 8) {
      hash = (hash ^ (size & 0xff)) * kPrime;
    }
    hash = (hash ^ 0xff) * kPrime;
  }
  return hash;
}

std::string ChecksumText(std::initializer_list<std::string_view> parts) {
  return absl::StrFormat("%016x", Checksum(parts));
}

}  // namespace scaleout
