// A Lua script that the server runs as one step, called by its hash so that its text travels once.
//
// A server that does not know the hash (new, restarted, flushed) answers NOSCRIPT: NOT_FOUND of
// RedisValue::status(); the caller then sends the text, and the server knows it from then on. Names
// of keys that a script makes itself are no problem here: the servers are not clustered.
#ifndef SCALEOUT_REDIS_REDIS_SCRIPT_H_
#define SCALEOUT_REDIS_REDIS_SCRIPT_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scaleout {

class RedisScript {
 public:
  // Of one call; more end the program.
  static constexpr std::size_t kMaxKeys = 64;

  explicit RedisScript(std::string_view text);

  const std::string& text() const { return text_; }
  // SHA-1 in 40 hex digits.
  const std::string& hash() const { return hash_; }

  // The arguments of EVALSHA, or of EVAL with `by_text`. The views are of the arguments and of the
  // script, and as long valid.
  std::vector<std::string_view> Call(std::span<const std::string_view> keys,
                                     std::span<const std::string_view> arguments,
                                     bool by_text = false) const;

 private:
  const std::string text_;
  const std::string hash_;
};

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_REDIS_SCRIPT_H_
