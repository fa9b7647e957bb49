// Who asks: reads of different principals travel together and are answered apart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/gateway/backends/coalescer_fixture.h"
#include "tests/support/principals.h"

namespace scaleout::gateway {
namespace {

using testing::Admin;
using testing::Customer;
using ::testing::ElementsAre;
using ::testing::SizeIs;
using Keys = std::vector<HeldUserService::Asked>;

// All of one that differ by one thing each.
constexpr Principal kReaders[] = {Customer(7), Customer(8), Admin(7), kLabPrincipal};

TEST_F(CoalescerTest, ReadsOfOneKeyByDifferentPrincipalsShareABatchAndNoAnswer) {
  for (const Principal& reader : kReaders) AskAs(reader, 1);
  EndTurn();
  EXPECT_THAT(
      service_.asked_keys,
      ElementsAre(Keys{{1, Customer(7)}, {1, Customer(8)}, {1, Admin(7)}, {1, kLabPrincipal}}));
  AnswerAll();
  for (Client& client : clients_) ExpectAnswer(client);
  EXPECT_EQ(counts().joined, 0);
}

TEST_F(CoalescerTest, ReadsOfOneKeyByOnePrincipalAreJoined) {
  for (int i = 0; i < 3; ++i) AskAs(Customer(7), 1);
  AskAs(Customer(8), 1);
  AskAs(Customer(8), 1);
  EndTurn();
  EXPECT_THAT(service_.asked_keys, ElementsAre(Keys{{1, Customer(7)}, {1, Customer(8)}}));
  AnswerAll();
  for (Client& client : clients_) ExpectAnswer(client);
  EXPECT_EQ(counts().joined, 3);
}

TEST_F(CoalescerTest, AKeyThatIsAloneIsAskedForOnBehalfOfItsPrincipal) {
  Client& client = AskAs(Customer(8), 1);
  EndTurn();
  EXPECT_THAT(service_.asked_keys, ElementsAre(Keys{{1, Customer(8)}}));
  AnswerAll();
  ExpectAnswer(client);
}

// A call for several principals is none's.
TEST_F(CoalescerTest, AFlightHasNoPrincipalOfItsMembers) {
  AskAs(Customer(7), 1);
  AskAs(Customer(8), 2);
  EndTurn();
  ASSERT_THAT(service_.open, SizeIs(1));
  EXPECT_EQ(service_.open[0]->context().principal, Principal{});
}

TEST_F(CoalescerTest, TheHalvesOfABatchKeepTheirPrincipals) {
  // What pays for splits.
  for (int call = 0; call < 20; ++call) backend_.guard.retry_budget().Deposit();
  service_.poisonous = {2};
  AskAs(Customer(7), 1);
  AskAs(Customer(8), 2);
  AskAs(Customer(8), 1);
  EndTurn();
  AnswerAll();
  ExpectAnswer(clients_.front());
  ExpectAnswer(clients_.back());
  for (const Keys& call : service_.asked_keys) {
    if (call.size() > 1) continue;
    EXPECT_THAT((Keys{{1, Customer(7)}, {2, Customer(8)}, {1, Customer(8)}}),
                ::testing::Contains(call[0]));
  }
}

TEST_F(CoalescerTest, KeysThatDoNotFitOrHaveNoBatchKeepTheirPrincipals) {
  service_.too_large = {2};
  Client& seven = AskAs(Customer(7), 2);
  Client& eight = AskAs(Customer(8), 2);
  EndTurn();
  AnswerAll();
  ExpectAnswer(seven);
  ExpectAnswer(eight);
  Client& first = AskAs(Customer(7), 1);
  Client& second = AskAs(Customer(8), 1);
  EndTurn();
  HeldUserService::Fail(*service_.open.front(), absl::UnimplementedError("older"));
  loop_.Run();
  AnswerAll();
  ExpectAnswer(first);
  ExpectAnswer(second);
}

// What one principal's read does to the service says nothing about another's.
TEST_F(CoalescerTest, AKeyIsKeptApartForItsPrincipalAlone) {
  for (int call = 0; call < 20; ++call) backend_.guard.retry_budget().Deposit();
  service_.poisonous = {1};
  AskAs(Customer(7), 1);
  AskAs(Customer(7), 2);
  EndTurn();
  AnswerAll();
  service_.poisonous.clear();
  service_.asked_keys.clear();
  AskAs(Customer(7), 1);
  AskAs(Customer(8), 1);
  AskAs(Customer(8), 3);
  EndTurn();
  EXPECT_THAT(service_.asked_keys,
              ElementsAre(Keys{{1, Customer(7)}}, (Keys{{1, Customer(8)}, {3, Customer(8)}})));
  AnswerAll();
}

}  // namespace
}  // namespace scaleout::gateway
