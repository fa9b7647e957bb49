// An IP address as a value, and a network as an address and the length of its prefix.
//
// Both families in 16 bytes: an IPv4 address is held as the IPv6 address that maps it (RFC 4291,
// section 2.5.5.2), so that a client is the same one whichever way its connection came. Parsing is
// strict and asks no resolver: no names, no zones ("%eth0"), no short forms of IPv4, no blanks.
// Pure.
#ifndef SCALEOUT_COMMON_IP_ADDRESS_H_
#define SCALEOUT_COMMON_IP_ADDRESS_H_

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace scaleout {

class IpAddress {
 public:
  // "::", which is no host's.
  IpAddress() = default;

  static std::optional<IpAddress> Parse(std::string_view text);
  // Nothing for another family than IPv4 and IPv6.
  static std::optional<IpAddress> FromSocketAddress(const sockaddr_storage& address);

  bool IsIpv4() const;
  // The address with all but its first `bits` of 128 cleared.
  IpAddress Prefix(int bits) const;
  // "192.0.2.1", "2001:db8::1".
  std::string ToString() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

class IpNetwork {
 public:
  // "10.0.0.0/8", "2001:db8::/32"; without a length one address. Nothing for a length beyond the
  // family's, nor for bits behind the prefix that are not 0: that is a slip of the pen.
  static std::optional<IpNetwork> Parse(std::string_view text);

  bool Contains(const IpAddress& address) const { return address.Prefix(bits_) == first_; }

 private:
  IpNetwork(const IpAddress& first, int bits) : first_(first), bits_(bits) {}

  IpAddress first_;
  int bits_;  // of 128
};

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_IP_ADDRESS_H_
