#include "gateway/http/percent_decode.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "common/utf8.h"

namespace scaleout::gateway {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool IsPlain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != '%'; });
}

std::optional<std::string> PercentDecode(std::string_view text) {
  if (IsPlain(text)) return std::string(text);
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = HexValue(text[i + 1]);
    const int low = HexValue(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  const bool has_control = std::any_of(decoded.begin(), decoded.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
  if (has_control || !IsUtf8(decoded)) return std::nullopt;
  return decoded;
}

std::optional<std::vector<std::pair<std::string, std::string>>> ParseQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    std::string pair(query.substr(0, end));
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    std::replace(pair.begin(), pair.end(), '+', ' ');
    const std::size_t equals = std::min(pair.find('='), pair.size());
    std::optional<std::string> key = PercentDecode(std::string_view(pair).substr(0, equals));
    std::optional<std::string> value =
        PercentDecode(std::string_view(pair).substr(std::min(equals + 1, pair.size())));
    if (!key || !value) return std::nullopt;
    pairs.emplace_back(*std::move(key), *std::move(value));
  }
  return pairs;
}

}  // namespace scaleout::gateway
