#include "redis/redis_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>

#include "absl/status/status.h"
#include "common/str_cat.h"
#include "common/unix_socket.h"

namespace scaleout {
namespace {

constexpr std::string_view kUnixScheme = "unix:";
// Of a name in the DNS (RFC 1035).
constexpr std::size_t kMaxHostName = 253;

absl::Status Malformed(std::string_view text) {
  return absl::InvalidArgumentError(
      StrCat("\"", text, "\" is neither unix:/path, host:port nor [IPv6 address]:port"));
}

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

bool IsHost(std::string_view text) {
  return !text.empty() && text.size() <= kMaxHostName &&
         std::all_of(text.begin(), text.end(), IsHostCharacter);
}

bool IsIpv6Address(const std::string& text) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

// 0: it is none.
int ParsePort(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && port > 0 && port <= 65535 ? port : 0;
}

}  // namespace

absl::StatusOr<RedisAddress> ParseRedisAddress(std::string_view text) {
  RedisAddress address;
  if (text.starts_with(kUnixScheme)) {
    address.unix_path = text.substr(kUnixScheme.size());
    if (!address.unix_path.starts_with('/') || address.unix_path.find('\0') != std::string::npos) {
      return Malformed(text);
    }
    if (address.unix_path.size() > kMaxUnixSocketPath) {
      return absl::InvalidArgumentError(
          StrCat(address.unix_path, " is longer than ", kMaxUnixSocketPath, " bytes"));
    }
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Malformed(text);
  const std::string_view host = text.substr(0, colon);
  address.port = ParsePort(text.substr(colon + 1));
  if (address.port == 0) return Malformed(text);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    address.host = host.substr(1, host.size() - 2);
    if (!IsIpv6Address(address.host)) return Malformed(text);
  } else {
    if (!IsHost(host)) return Malformed(text);
    address.host = host;
  }
  return address;
}

}  // namespace scaleout
