#include "common/host_name.h"

#include <unistd.h>

#include <array>

namespace scaleout {

std::string HostName() {
  // The last byte stays zero: a name that was cut need not end with one.
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

}  // namespace scaleout
