#include "common/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/numbers.h"
#include "common/str_cat.h"

namespace scaleout {
namespace {

constexpr std::array<std::uint8_t, 12> kIpv4Prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr int kIpv4PrefixBits = 96;
constexpr int kAllBits = 128;

}  // namespace

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  // inet_pton wants a terminated string. An address with a NUL in it would end there.
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) return {};
  std::ranges::copy(text, terminated.begin());
  IpAddress address;
  if (::inet_pton(AF_INET6, terminated.data(), address.bytes_.data()) == 1) return address;
  std::ranges::copy(kIpv4Prefix, address.bytes_.begin());
  if (::inet_pton(AF_INET, terminated.data(), &address.bytes_[kIpv4Prefix.size()]) == 1) {
    return address;
  }
  return {};
}

std::optional<IpAddress> IpAddress::FromSocketAddress(const sockaddr_storage& address) {
  IpAddress result;
  if (address.ss_family == AF_INET) {
    sockaddr_in ipv4{};
    std::memcpy(&ipv4, &address, sizeof ipv4);
    std::ranges::copy(kIpv4Prefix, result.bytes_.begin());
    std::memcpy(&result.bytes_[kIpv4Prefix.size()], &ipv4.sin_addr, sizeof ipv4.sin_addr);
    return result;
  }
  if (address.ss_family != AF_INET6) return {};
  sockaddr_in6 ipv6{};
  std::memcpy(&ipv6, &address, sizeof ipv6);
  std::memcpy(result.bytes_.data(), &ipv6.sin6_addr, sizeof ipv6.sin6_addr);
  return result;
}

bool IpAddress::IsIpv4() const {
  return std::equal(kIpv4Prefix.begin(), kIpv4Prefix.end(), bytes_.begin());
}

IpAddress IpAddress::Prefix(int bits) const {
  IpAddress result;
  const auto whole = static_cast<std::size_t>(bits / 8);
  std::copy_n(bytes_.begin(), whole, result.bytes_.begin());
  if (const int rest = bits % 8; rest > 0) {
    result.bytes_[whole] = static_cast<std::uint8_t>(bytes_[whole] & (0xff00 >> rest));
  }
  return result;
}

std::string IpAddress::ToString() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool is_ipv4 = IsIpv4();
  ::inet_ntop(is_ipv4 ? AF_INET : AF_INET6, is_ipv4 ? &bytes_[kIpv4Prefix.size()] : bytes_.data(),
              text.data(), text.size());
  return text.data();
}

std::optional<IpNetwork> IpNetwork::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::optional<IpAddress> first = IpAddress::Parse(text.substr(0, slash));
  if (!first) return {};
  if (slash == std::string_view::npos) return IpNetwork(*first, kAllBits);
  const std::string_view length = text.substr(slash + 1);
  const bool is_digits =
      !length.empty() && std::ranges::all_of(length, [](char c) { return c >= '0' && c <= '9'; });
  int bits = 0;
  if (!is_digits || !absl::SimpleAtoi(ToAbsl(length), &bits)) return {};
  // The length that is written counts from the beginning of the family that is written.
  const bool is_ipv4 = text.substr(0, slash).find(':') == std::string_view::npos;
  if (bits > (is_ipv4 ? kAllBits - kIpv4PrefixBits : kAllBits)) return {};
  if (is_ipv4) bits += kIpv4PrefixBits;
  if (first->Prefix(bits) != *first) return {};
  return IpNetwork(*first, bits);
}

}  // namespace scaleout
