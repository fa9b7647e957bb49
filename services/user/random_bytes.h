// Bytes from the system's random generator, by libsodium: ids and secrets are made of them.
// Thread-safe.
#ifndef SCALEOUT_SERVICES_USER_RANDOM_BYTES_H_
#define SCALEOUT_SERVICES_USER_RANDOM_BYTES_H_

#include <cstddef>
#include <string>

namespace scaleout::user {

// Before any other use of libsodium; again is harmless and cheap.
void StartSodium();

std::string RandomBytes(std::size_t size);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_RANDOM_BYTES_H_
