// Ids that cannot be mixed up: a 64-bit number with a tag type, so that an order's id is not a
// user's.
//
// Ids are assigned by PostgreSQL and stay within the limits of the contracts. Zero means "none". No
// arithmetic.
#ifndef SCALEOUT_SERVICE_TYPED_ID_H_
#define SCALEOUT_SERVICE_TYPED_ID_H_

#include <compare>
#include <cstdint>
#include <vector>

#include "proto/scaleout/rpc/v1/request_limits.h"

namespace scaleout {

using rpc::v1::kMaxId;

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

// The numbers, as a statement's parameter.
template <typename Tag>
std::vector<std::int64_t> ToValues(const std::vector<TypedId<Tag>>& ids) {
  std::vector<std::int64_t> values;
  values.reserve(ids.size());
  for (const TypedId<Tag> id : ids) values.push_back(id.value());
  return values;
}

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_TYPED_ID_H_
