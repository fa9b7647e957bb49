// A 64-bit checksum over a few texts (FNV-1a): the same on every replica, release and platform,
// which std::hash does not promise. It detects texts that differ by mistake; it is no defence
// against texts that are made to collide.
#ifndef SCALEOUT_COMMON_CHECKSUM_H_
#define SCALEOUT_COMMON_CHECKSUM_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace scaleout {

// Of the parts and of where each ends: {"ab", "c"} differs from {"a", "bc"}.
std::uint64_t Checksum(std::initializer_list<std::string_view> parts);

// The same as 16 hex digits.
std::string ChecksumText(std::initializer_list<std::string_view> parts);

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_CHECKSUM_H_
