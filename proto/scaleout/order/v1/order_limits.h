// The limits of the order contract (order.proto), for the gateway and the service.
//
// An order is bounded in lines and pieces so that its total stays far below 2^53 (product_limits.h
// bounds the price). The migrations of the order service state the same limits as constraints, and
// order_limits_test compares them.
#ifndef SCALEOUT_PROTO_SCALEOUT_ORDER_V1_ORDER_LIMITS_H_
#define SCALEOUT_PROTO_SCALEOUT_ORDER_V1_ORDER_LIMITS_H_

#include <cstdint>

namespace scaleout::order::v1 {

// Lines of an order, each of another product (rpc::v1::NamedIds).
inline constexpr int kMinItems = 1;
inline constexpr int kMaxItems = 50;
// Lines of all orders of one batch read together: with the longest names they take 45 MB of the
// service's memory while it answers.
inline constexpr int kMaxBatchLines = 20'000;

// Pieces of one line.
inline constexpr std::int32_t kMinQuantity = 1;
inline constexpr std::int32_t kMaxQuantity = 1000;

}  // namespace scaleout::order::v1

#endif  // SCALEOUT_PROTO_SCALEOUT_ORDER_V1_ORDER_LIMITS_H_
