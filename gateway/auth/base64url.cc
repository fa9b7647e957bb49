#include "gateway/auth/base64url.h"

#include "absl/strings/escaping.h"
#include "common/str_cat.h"

namespace scaleout::gateway {

std::string EncodeBase64Url(std::string_view bytes) {
  return absl::WebSafeBase64Escape(ToAbsl(bytes));
}

// Abseil's decoder takes more than is canonical.
std::optional<std::string> DecodeBase64Url(std::string_view text) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(ToAbsl(text), &bytes)) return std::nullopt;
  if (EncodeBase64Url(bytes) != text) return std::nullopt;
  return bytes;
}

}  // namespace scaleout::gateway
