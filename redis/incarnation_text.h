// The random part of an incarnation's name: 16 hexadecimal digits, other ones each time.
//
// What is on a Redis server lives as long as its incarnation: this text, in a key of its own, and
// the server's run id. A flush takes the key, a restart has another run id. Thread-safe.
#ifndef SCALEOUT_REDIS_INCARNATION_TEXT_H_
#define SCALEOUT_REDIS_INCARNATION_TEXT_H_

#include <string>

namespace scaleout {

std::string MakeIncarnationText();

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_INCARNATION_TEXT_H_
