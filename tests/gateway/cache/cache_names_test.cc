#include "gateway/cache/cache_names.h"

#include <gtest/gtest.h>

namespace scaleout::gateway {
namespace {

// Gateways of two versions share a cache while they are replaced, so the names stay what they are.
TEST(CacheNames, AreTheSameInEachVersion) {
  EXPECT_EQ(UserToken(42), "user:42");
  EXPECT_EQ(ProductToken(42), "product:42");
  EXPECT_EQ(OrderToken(42), "order:42");
  EXPECT_EQ(PaymentToken(42), "payment:42");
  EXPECT_EQ(OrdersOfToken(42), "orders-of:42");
  EXPECT_EQ(PaymentsOfToken(9'007'199'254'740'993), "payments-of:9007199254740993");
}

TEST(CacheNames, TellPrincipalsApart) {
  EXPECT_EQ(PrincipalName({7, Role::kCustomer}), "u7");
  EXPECT_EQ(PrincipalName({7, Role::kAdmin}), "a7");
  EXPECT_EQ(PrincipalName(kLabPrincipal), "lab");
  EXPECT_EQ(PrincipalName({}), "none");
}

}  // namespace
}  // namespace scaleout::gateway
