#include "gateway/handlers/idempotency_key.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "absl/strings/ascii.h"
#include "common/str_cat.h"

namespace scaleout::gateway {

absl::StatusOr<std::string> FindIdempotencyKey(const Request& request) {
  const std::optional<std::string_view> key = request.FindHeader("idempotency-key");
  if (!key) return std::string();
  const bool printable = std::all_of(key->begin(), key->end(), [](char c) {
    return absl::ascii_isprint(static_cast<unsigned char>(c));
  });
  if (key->empty() || key->size() > kMaxIdempotencyKeyBytes || !printable) {
    return absl::InvalidArgumentError(StrCat("The Idempotency-Key must have 1 to ",
                                             kMaxIdempotencyKeyBytes,
                                             " printable ASCII characters."));
  }
  return std::string(*key);
}

absl::StatusOr<std::string> RequireIdempotencyKey(const Request& request) {
  absl::StatusOr<std::string> key = FindIdempotencyKey(request);
  if (key.ok() && key->empty()) {
    return absl::InvalidArgumentError(
        "This request needs an Idempotency-Key header, so that repeating it is safe.");
  }
  return key;
}

}  // namespace scaleout::gateway
