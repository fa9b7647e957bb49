// Ids that cannot be mixed up: a 64-bit number with a tag type, so that an order's id is not a
// user's.
//
// Ids are assigned by PostgreSQL, positive, and stay below 2^53, so that JSON can carry them as
// numbers. Zero means "none". No arithmetic.
#ifndef SCALEOUT_SERVICE_TYPED_ID_H_
#define SCALEOUT_SERVICE_TYPED_ID_H_

#include <compare>
#include <cstdint>

namespace scaleout {

inline constexpr std::int64_t kMaxId = (std::int64_t{1} << 53) - 1;

// What a request may name; whether anything has that id is another question.
constexpr bool IsValidId(std::int64_t value) { return value > 0 && value <= kMaxId; }

template <typename Tag>
class TypedId {
 public:
  constexpr TypedId() = default;
  explicit constexpr TypedId(std::int64_t value) : value_(value) {}

  constexpr std::int64_t value() const { return value_; }
  friend constexpr auto operator<=>(TypedId, TypedId) = default;

 private:
  std::int64_t value_ = 0;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_TYPED_ID_H_
