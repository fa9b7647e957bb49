// Makes names for requests whose clients sent none, or one that is not well-formed
// (common/request_id.h).
//
// A generator for each loop, seeded differently, so that loops and instances do not make the same
// ids: with 128 random bits a collision is not to be expected.
#ifndef SCALEOUT_GATEWAY_HTTP_REQUEST_ID_H_
#define SCALEOUT_GATEWAY_HTTP_REQUEST_ID_H_

#include <cstdint>
#include <random>
#include <string>

namespace scaleout::gateway {

// Makes ids of 128 random bits in hex. Unguessable they are not: they name, they do not protect.
// Not thread-safe.
class RequestIdGenerator {
 public:
  explicit RequestIdGenerator(std::uint64_t seed) : random_(seed) {}
  std::string Next();

 private:
  std::mt19937_64 random_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_REQUEST_ID_H_
