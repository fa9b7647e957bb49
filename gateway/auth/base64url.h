// base64url without padding, as tokens and keys are written (RFC 7515, section 2; RFC 4648, section
// 5). Pure.
#ifndef SCALEOUT_GATEWAY_AUTH_BASE64URL_H_
#define SCALEOUT_GATEWAY_AUTH_BASE64URL_H_

#include <optional>
#include <string>
#include <string_view>

namespace scaleout::gateway {

std::string EncodeBase64Url(std::string_view bytes);
// Nothing for what EncodeBase64Url does not write: padding, blanks, another alphabet, bits that are
// left over. So no two texts are the same bytes.
std::optional<std::string> DecodeBase64Url(std::string_view text);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_BASE64URL_H_
