// What a Redis server answers: an owner of the whole, and views of its parts.
//
// A RedisValue is valid as long as the RedisReply that it is of. Asking a value for what it is not
// is no error: text() of an array is empty, integer() of a text is 0, at() beyond the end is nil;
// who needs to tell the difference asks first. Thread-compatible.
#ifndef SCALEOUT_REDIS_REDIS_REPLY_H_
#define SCALEOUT_REDIS_REDIS_REPLY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"

struct redisReply;

namespace scaleout {

class RedisValue {
 public:
  // Null stands for nil.
  explicit RedisValue(const redisReply* reply) : reply_(reply) {}

  bool is_nil() const;
  bool is_error() const;
  // A bulk string or a simple one.
  bool is_text() const;
  bool is_integer() const;
  bool is_array() const;

  // Of a text or an error.
  std::string_view text() const;
  std::int64_t integer() const;
  // Of an array.
  std::size_t size() const;
  RedisValue at(std::size_t index) const;

  // OK unless it is an error. UNAVAILABLE for what another time may do (LOADING, BUSY, READONLY,
  // TRYAGAIN, MASTERDOWN, CLUSTERDOWN, MISCONF, too many clients), RESOURCE_EXHAUSTED (OOM),
  // PERMISSION_DENIED (NOAUTH, WRONGPASS, NOPERM), NOT_FOUND (NOSCRIPT; NOGROUP and UNBLOCKED: no
  // such stream or group, or no longer), ALREADY_EXISTS (BUSYGROUP), else INTERNAL; with the
  // server's sentence.
  absl::Status status() const;

 private:
  const redisReply* reply_;
};

class RedisReply : public RedisValue {
 public:
  // Takes it over.
  explicit RedisReply(redisReply* reply);
  RedisReply(RedisReply&&) noexcept = default;
  RedisReply& operator=(RedisReply&&) noexcept = default;

 private:
  struct Free {
    void operator()(redisReply* reply) const;
  };
  std::unique_ptr<redisReply, Free> owned_;
};

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_REDIS_REPLY_H_
