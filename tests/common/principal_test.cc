#include "common/principal.h"

#include <gtest/gtest.h>

#include "scaleout/rpc/v1/principal.pb.h"

namespace scaleout {
namespace {

Principal ThereAndBack(const Principal& principal) {
  rpc::v1::Principal message;
  ToProto(principal, message);
  return FromProto(message);
}

TEST(PrincipalTest, ComesBackFromItsMessageAsItWas) {
  for (const Principal principal :
       {Principal{7, Role::kCustomer, false}, Principal{8, Role::kAdmin, false}, kLabPrincipal}) {
    EXPECT_EQ(ThereAndBack(principal), principal);
  }
}

TEST(PrincipalTest, MessageThatBreaksItsContractIsARequestWithoutALogin) {
  EXPECT_EQ(FromProto(rpc::v1::Principal()), Principal{});
  for (const Principal broken :
       {Principal{0, Role::kCustomer, false}, Principal{-1, Role::kAdmin, false},
        Principal{7, Role::kNone, false}, Principal{0, Role::kAdmin, false},
        Principal{0, Role::kCustomer, true}, Principal{7, Role::kAdmin, true}}) {
    EXPECT_EQ(ThereAndBack(broken), Principal{});
  }
  rpc::v1::Principal unknown;
  unknown.set_user_id(7);
  unknown.set_role(static_cast<rpc::v1::Role>(9));
  EXPECT_EQ(FromProto(unknown), Principal{});
}

TEST(PrincipalTest, RolesHaveTheNamesThatTokensHave) {
  EXPECT_EQ(FindRole("customer"), Role::kCustomer);
  EXPECT_EQ(FindRole("admin"), Role::kAdmin);
  for (const char* other : {"", "Admin", "root", "none"}) EXPECT_EQ(FindRole(other), Role::kNone);
}

}  // namespace
}  // namespace scaleout
