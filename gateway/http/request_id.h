// Names for requests: the client's own if it is well-formed, else a new one. Also the check of a
// W3C traceparent.
#ifndef SCALEOUT_GATEWAY_HTTP_REQUEST_ID_H_
#define SCALEOUT_GATEWAY_HTTP_REQUEST_ID_H_

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace scaleout::gateway {

inline constexpr std::size_t kMaxRequestIdLength = 128;

// 1 to 128 letters, digits, dots, underscores and hyphens: safe in a header, a log line and a
// shell.
bool IsWellFormedRequestId(std::string_view text);

// "00-<32 hex>-<16 hex>-<2 hex>", lower case, neither id all zero (W3C Trace Context, section 3.2).
bool IsWellFormedTraceparent(std::string_view text);

// Makes ids of 128 random bits in hex. Unguessable they are not: they name, they do not protect.
// Not thread-safe.
class RequestIdGenerator {
 public:
  explicit RequestIdGenerator(std::uint64_t seed) : random_(seed) {}
  std::string Next();

 private:
  std::mt19937_64 random_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_REQUEST_ID_H_
