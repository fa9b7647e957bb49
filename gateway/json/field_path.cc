#include "gateway/json/field_path.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "common/status.h"

namespace scaleout::gateway {
namespace {

constexpr ClientName kNamesOnEveryRoute[] = {
    {"idempotency_key", "/headers/Idempotency-Key"},
    {"page_size", "/page_size"},
    {"page_token", "/page_token"},
};

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }
bool IsWordStart(char c) { return c == '_' || absl::ascii_isalpha(static_cast<unsigned char>(c)); }
bool IsWord(char c) { return IsWordStart(c) || IsDigit(c); }

// Takes the characters at the start of `text` that belong to `kind`.
std::string_view TakeWhile(std::string_view& text, bool (*kind)(char)) {
  const std::size_t size =
      static_cast<std::size_t>(std::ranges::find_if_not(text, kind) - text.begin());
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(size);
  return taken;
}

// As Protobuf's JSON mapping does: an underscore goes, and what follows it becomes a capital.
void AppendCamelCase(std::string& out, std::string_view name) {
  bool capital = false;
  for (const char c : name) {
    if (c == '_') {
      capital = true;
    } else {
      out += capital ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c;
      capital = false;
    }
  }
}

// "[3]" as "/3". False if it is no index; RFC 6901 knows none with a leading zero.
bool AppendIndex(std::string& out, std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view digits = TakeWhile(path, IsDigit);
  if (digits.empty() || (digits.size() > 1 && digits.front() == '0')) return false;
  if (!path.starts_with(']')) return false;
  path.remove_prefix(1);
  out.append("/").append(digits);
  return true;
}

const ClientName* FindName(std::string_view path, std::span<const ClientName> names) {
  const auto found = std::ranges::find(names, path, &ClientName::path);
  return found == names.end() ? nullptr : &*found;
}

}  // namespace

std::string ToJsonPointer(std::string_view path, std::span<const ClientName> names) {
  const ClientName* known = FindName(path, names);
  if (known == nullptr) known = FindName(path, kNamesOnEveryRoute);
  if (known != nullptr) return std::string(known->pointer);
  if (path.size() > kMaxFieldPathBytes) return {};
  std::string pointer;
  while (true) {
    if (path.empty() || !IsWordStart(path.front())) return {};
    pointer += '/';
    AppendCamelCase(pointer, TakeWhile(path, IsWord));
    while (path.starts_with('[')) {
      if (!AppendIndex(pointer, path)) return {};
    }
    if (path.empty()) return pointer;
    if (!path.starts_with('.')) return {};
    path.remove_prefix(1);
  }
}

absl::Status WithClientNames(const absl::Status& status, std::span<const ClientName> names) {
  return RenameFields(status,
                      [names](std::string_view path) { return ToJsonPointer(path, names); });
}

}  // namespace scaleout::gateway
