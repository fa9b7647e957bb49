#include "services/user/random_bytes.h"

#include <sodium.h>

#include <cstdlib>

namespace scaleout::user {

void StartSodium() {
  static const bool started = sodium_init() >= 0;
  // Without a source of randomness there is nothing that this program may do.
  if (!started) std::abort();
}

std::string RandomBytes(std::size_t size) {
  StartSodium();
  std::string bytes(size, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

}  // namespace scaleout::user
