#include "redis/redis_reply.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <string>

#include "common/str_cat.h"

namespace scaleout {
namespace {

// Of an error's sentence, which may repeat what was sent.
constexpr std::size_t kMaxErrorText = 512;

struct ErrorClass {
  std::string_view first_word;
  absl::StatusCode code;
};

constexpr std::array kErrorClasses = {
    ErrorClass{"LOADING", absl::StatusCode::kUnavailable},
    ErrorClass{"BUSY", absl::StatusCode::kUnavailable},
    ErrorClass{"READONLY", absl::StatusCode::kUnavailable},
    ErrorClass{"TRYAGAIN", absl::StatusCode::kUnavailable},
    ErrorClass{"MASTERDOWN", absl::StatusCode::kUnavailable},
    ErrorClass{"CLUSTERDOWN", absl::StatusCode::kUnavailable},
    ErrorClass{"MISCONF", absl::StatusCode::kUnavailable},
    ErrorClass{"OOM", absl::StatusCode::kResourceExhausted},
    ErrorClass{"NOAUTH", absl::StatusCode::kPermissionDenied},
    ErrorClass{"WRONGPASS", absl::StatusCode::kPermissionDenied},
    ErrorClass{"NOPERM", absl::StatusCode::kPermissionDenied},
    ErrorClass{"NOSCRIPT", absl::StatusCode::kNotFound},
    ErrorClass{"NOGROUP", absl::StatusCode::kNotFound},
    ErrorClass{"UNBLOCKED", absl::StatusCode::kNotFound},
    ErrorClass{"BUSYGROUP", absl::StatusCode::kAlreadyExists},
};

// The one refusal for now that has no word of its own.
constexpr std::string_view kTooManyClients = "ERR max number of clients reached";

absl::StatusCode CodeOf(std::string_view error) {
  const std::string_view first_word = error.substr(0, error.find(' '));
  const auto found =
      std::find_if(kErrorClasses.begin(), kErrorClasses.end(),
                   [&](const ErrorClass& known) { return known.first_word == first_word; });
  if (found != kErrorClasses.end()) return found->code;
  return error.starts_with(kTooManyClients) ? absl::StatusCode::kUnavailable
                                            : absl::StatusCode::kInternal;
}

bool HasType(const redisReply* reply, int type) { return reply != nullptr && reply->type == type; }

}  // namespace

bool RedisValue::is_nil() const { return reply_ == nullptr || reply_->type == REDIS_REPLY_NIL; }
bool RedisValue::is_error() const { return HasType(reply_, REDIS_REPLY_ERROR); }
bool RedisValue::is_text() const {
  return HasType(reply_, REDIS_REPLY_STRING) || HasType(reply_, REDIS_REPLY_STATUS);
}
bool RedisValue::is_integer() const { return HasType(reply_, REDIS_REPLY_INTEGER); }
bool RedisValue::is_array() const { return HasType(reply_, REDIS_REPLY_ARRAY); }

std::string_view RedisValue::text() const {
  if (!is_text() && !is_error()) return {};
  return {reply_->str, static_cast<std::size_t>(reply_->len)};
}

std::int64_t RedisValue::integer() const { return is_integer() ? reply_->integer : 0; }

std::size_t RedisValue::size() const { return is_array() ? reply_->elements : 0; }

RedisValue RedisValue::at(std::size_t index) const {
  return RedisValue(index < size() ? reply_->element[index] : nullptr);
}

absl::Status RedisValue::status() const {
  if (!is_error()) return absl::OkStatus();
  const std::string_view error = text();
  return absl::Status(CodeOf(error), StrCat("Redis: ", error.substr(0, kMaxErrorText)));
}

RedisReply::RedisReply(redisReply* reply) : RedisValue(reply), owned_(reply) {}

void RedisReply::Free::operator()(redisReply* reply) const { freeReplyObject(reply); }

}  // namespace scaleout
