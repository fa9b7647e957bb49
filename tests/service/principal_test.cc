#include "service/principal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scaleout/rpc/v1/principal.pb.h"
#include "service/typed_id.h"
#include "tests/support/principals.h"

namespace scaleout {
namespace {

using testing::Admin;
using testing::Customer;
using ::testing::ElementsAre;

rpc::v1::Principal Message(const Principal& principal) {
  rpc::v1::Principal message;
  ToProto(principal, message);
  return message;
}

TEST(RequirePrincipal, RefusesWhatNamesNone) {
  EXPECT_TRUE(absl::IsUnauthenticated(RequirePrincipal(rpc::v1::Principal()).status()));
  EXPECT_TRUE(absl::IsUnauthenticated(RequirePrincipal(Message(Customer(0))).status()));
  EXPECT_TRUE(absl::IsUnauthenticated(RequirePrincipal(Message({7, Role::kAdmin, true})).status()));
}

TEST(RequirePrincipal, AnswersWhoItIs) {
  for (const Principal& principal : {Customer(7), Admin(8), kLabPrincipal}) {
    EXPECT_EQ(*RequirePrincipal(Message(principal)), principal);
  }
}

TEST(Owner, IsACustomerItselfAndAnyoneForAnAdmin) {
  EXPECT_EQ(Owner::For(Customer(7)), Owner::User(7));
  EXPECT_EQ(Owner::For(Admin(7)), Owner::Anyone());
  EXPECT_EQ(Owner::For(kLabPrincipal), Owner::Anyone());
  // What no service accepts owns nothing.
  EXPECT_FALSE(Owner::For(Principal{}).Covers(7));
  EXPECT_TRUE(Owner::User(7).Covers(7));
  EXPECT_FALSE(Owner::User(7).Covers(8));
}

TEST(Owner, GoesIntoAStatementAsItsIdOrAsNull) {
  using Id = TypedId<struct ThingTag>;
  const std::vector<OwnedId<Id>> keys = {
      {Id(1), Owner::User(7)}, {Id(2), Owner::Anyone()}, {Id(1), Owner::User(8)}};
  EXPECT_THAT(IdsOf(keys), ElementsAre(1, 2, 1));
  EXPECT_EQ(OwnersOf(keys), "{7,NULL,8}");
  EXPECT_EQ(Owner::User(7).parameter(), "7");
  EXPECT_EQ(Owner::Anyone().parameter(), std::nullopt);
}

TEST(CheckMayActFor, IsNotFoundForAnothersCustomer) {
  EXPECT_TRUE(CheckMayActFor(Customer(7), 7).ok());
  EXPECT_EQ(CheckMayActFor(Customer(7), 8), absl::NotFoundError("there is no user 8"));
  EXPECT_FALSE(CheckMayActFor(Customer(7), 0).ok());
  EXPECT_TRUE(CheckMayActFor(Admin(7), 8).ok());
  EXPECT_TRUE(CheckMayActFor(kLabPrincipal, 0).ok());
}

TEST(CheckIsAdmin, DeniesCustomers) {
  EXPECT_TRUE(absl::IsPermissionDenied(CheckIsAdmin(Customer(7))));
  EXPECT_TRUE(CheckIsAdmin(Admin(7)).ok());
  EXPECT_TRUE(CheckIsAdmin(kLabPrincipal).ok());
}

TEST(ListedUser, IsACustomerItselfUnlessItNamesOne) {
  EXPECT_EQ(ListedUser(Customer(7), 0), 7);
  EXPECT_EQ(ListedUser(Customer(7), 8), 8);
  EXPECT_EQ(ListedUser(Admin(7), 0), 0);
  EXPECT_EQ(ListedUser(kLabPrincipal, 8), 8);
}

}  // namespace
}  // namespace scaleout
