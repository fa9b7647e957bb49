#include "redis/incarnation_text.h"

#include <random>
#include <string_view>

namespace scaleout {

std::string MakeIncarnationText() {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  std::random_device random;
  std::string text;
  for (int i = 0; i < 16; ++i) text += kHexDigits[random() % kHexDigits.size()];
  return text;
}

}  // namespace scaleout
