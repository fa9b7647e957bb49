// What a call that is made for several requests together says of itself to the guard, and the guard
// of it: RequestContext::shared.
#ifndef SCALEOUT_GATEWAY_BACKENDS_SHARED_CALL_H_
#define SCALEOUT_GATEWAY_BACKENDS_SHARED_CALL_H_

#include <cstdint>

namespace scaleout::gateway {

struct SharedCall {
  // That it is made for; the breaker counts it so many times, because as many requests have
  // succeeded or failed.
  std::int64_t requests = 1;
  // Whether it has parts that can be asked for by themselves.
  bool divisible = false;
  // Set by the guard: it failed, perhaps because of one of its parts, and the retry budget allows
  // to ask for them again. It then says nothing about the backend: the calls for its parts will.
  bool divided = false;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_SHARED_CALL_H_
