#include "gateway/auth/client_address.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

constexpr std::string_view kForwardedFor = "X-Forwarded-For";

std::string_view WithoutBlanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Goes through a header from its end, and moves `client` to what each element names. True where
// what is left of it is not to be believed.
bool Follow(std::string_view forwarded_for, const TrustedProxies& proxies, IpAddress& client) {
  for (bool first = false; !first;) {
    const std::size_t comma = forwarded_for.rfind(',');
    first = comma == std::string_view::npos;
    const std::string_view element = first ? forwarded_for : forwarded_for.substr(comma + 1);
    const std::optional<IpAddress> named = IpAddress::Parse(WithoutBlanks(element));
    if (!named) return true;
    client = *named;
    if (!proxies.Contain(client)) return true;
    if (!first) forwarded_for = forwarded_for.substr(0, comma);
  }
  return false;
}

}  // namespace

bool TrustedProxies::Contain(const IpAddress& address) const {
  return std::ranges::any_of(
      networks, [&address](const IpNetwork& network) { return network.Contains(address); });
}

void DeclareTrustedProxies(Settings& settings, TrustedProxies& proxies) {
  std::vector<std::string> texts;
  settings.List(
      "TRUSTED_PROXIES", texts,
      "addresses and networks (10.0.0.0/8) of the proxies whose X-Forwarded-For names the "
      "client, with commas between; one on a Unix socket is always believed");
  for (const std::string& text : texts) {
    const std::optional<IpNetwork> network = IpNetwork::Parse(text);
    if (network) {
      proxies.networks.push_back(*network);
    } else {
      settings.Refuse("TRUSTED_PROXIES",
                      "wants IP addresses or networks such as 10.0.0.0/8, with commas between and "
                      "no bits behind the prefix");
      return;
    }
  }
}

IpAddress FindClientAddress(const std::optional<IpAddress>& peer,
                            std::span<const std::pair<std::string_view, std::string_view>> headers,
                            const TrustedProxies& proxies) {
  IpAddress client = peer.value_or(IpAddress());
  if (peer && !proxies.Contain(*peer)) return client;
  // Several headers of a name are one, in order (RFC 9110, section 5.3).
  for (auto header = headers.rbegin(); header != headers.rend(); ++header) {
    if (!absl::EqualsIgnoreCase(ToAbsl(header->first), ToAbsl(kForwardedFor))) continue;
    if (Follow(header->second, proxies, client)) break;
  }
  return client;
}

IpAddress ClientNetwork(const IpAddress& client) {
  return client.IsIpv4() ? client : client.Prefix(kClientPrefixBits);
}

}  // namespace scaleout::gateway
