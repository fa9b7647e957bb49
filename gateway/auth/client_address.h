// Whose request it is, as an address: the word of the proxy in front, and of no one else.
//
// A connection over a Unix socket, or from a network in TRUSTED_PROXIES, is the proxy's. It has
// appended to X-Forwarded-For where it was asked from, so the header is read from its end: the last
// address that is no trusted proxy's is the client's, and what is left of that is the client's own
// claim. Where the connection's other end is not trusted, the header is a claim altogether, and the
// client's address is that end's. X-Real-IP and Forwarded are never read. Pure.
#ifndef SCALEOUT_GATEWAY_AUTH_CLIENT_ADDRESS_H_
#define SCALEOUT_GATEWAY_AUTH_CLIENT_ADDRESS_H_

#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "common/ip_address.h"
#include "common/settings.h"

namespace scaleout::gateway {

// An IPv6 client usually has a whole network of this length, and can take any address of it.
inline constexpr int kClientPrefixBits = 64;

struct TrustedProxies {
  bool Contain(const IpAddress& address) const;

  std::vector<IpNetwork> networks;
};

// Declares TRUSTED_PROXIES. What is not an address or a network is a problem.
void DeclareTrustedProxies(Settings& settings, TrustedProxies& proxies);

// `peer` is the connection's other end, nothing for a Unix socket; `headers` are the request's.
// "::" where a proxy on a Unix socket does not say who its client is: all such clients are one.
IpAddress FindClientAddress(const std::optional<IpAddress>& peer,
                            std::span<const std::pair<std::string_view, std::string_view>> headers,
                            const TrustedProxies& proxies);

// What limits by address count by: the address itself, of IPv6 its network.
IpAddress ClientNetwork(const IpAddress& client);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_CLIENT_ADDRESS_H_
