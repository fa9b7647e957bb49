// Checks that the lines of many users' orders come in the order in which they are answered: user by
// user as asked for, the newest order first, line by line.
//
// A join has no order in SQL unless it sorts, so a reader that relies on the plan's order has to
// look. Linear in the number of lines and users together. Not thread-safe.
#ifndef SCALEOUT_SERVICES_ORDER_LINE_ORDER_H_
#define SCALEOUT_SERVICES_ORDER_LINE_ORDER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "services/order/order.h"

namespace scaleout::order {

class LineOrder {
 public:
  // In `user_ids` each user occurs once; it must outlive this.
  explicit LineOrder(const std::vector<UserId>& user_ids) : user_ids_(user_ids) {}

  void Check(UserId user_id, OrderId order_id, std::int32_t line) {
    const std::size_t before = user_;
    while (user_ < user_ids_.size() && user_ids_[user_] != user_id) ++user_;
    if (user_ != before) order_id_ = kNewest;
    holds_ = holds_ && user_ < user_ids_.size() &&
             (order_id < order_id_ || (order_id == order_id_ && line > line_));
    order_id_ = order_id;
    line_ = line;
  }

  // Of all lines that were checked.
  bool holds() const { return holds_; }

 private:
  static constexpr OrderId kNewest{kMaxId + 1};

  const std::vector<UserId>& user_ids_;
  std::size_t user_ = 0;  // of the last line; an index
  OrderId order_id_ = kNewest;
  std::int32_t line_ = 0;
  bool holds_ = true;
};

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_LINE_ORDER_H_
