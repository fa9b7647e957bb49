// absl::StrCat that also takes std::string_view, and the way between the two views. Debian 12
// builds Abseil with a string_view of its own, which does not convert from the standard's; newer
// releases have one type, and then this adds nothing. Nothing is copied. Pure and thread-safe.
#ifndef SCALEOUT_COMMON_STR_CAT_H_
#define SCALEOUT_COMMON_STR_CAT_H_

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace scaleout {

// For functions of Abseil that take a view. Anything else passes through.
template <typename T>
const T& ToAbsl(const T& value) {
  return value;
}
inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

// For views that functions of Abseil give back.
inline std::string_view FromAbsl(absl::string_view text) { return {text.data(), text.size()}; }

// The parts in a row: strings, views and numbers, as absl::StrCat renders them.
template <typename... T>
std::string StrCat(const T&... parts) {
  return absl::StrCat(ToAbsl(parts)...);
}

template <typename... T>
void StrAppend(std::string* out, const T&... parts) {
  absl::StrAppend(out, ToAbsl(parts)...);
}

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_STR_CAT_H_
