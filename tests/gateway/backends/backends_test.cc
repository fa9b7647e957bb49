#include "gateway/backends/backends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "scaleout/user/v1/user.grpc.pb.h"
#include "tests/support/fake_clock.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/rpc_server.h"
#include "tests/support/socket_path.h"

namespace scaleout::gateway {
namespace {

using ::testing::ElementsAre;

class BackendsTest : public ::testing::Test {
 protected:
  Backends Make(const std::vector<BackendTarget>& targets) {
    return MakeBackends(targets, guards_.parts());
  }

  testing::SocketPath here_;
  testing::SocketPath there_;
  testing::FakeClock clock_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  std::unique_ptr<Logger> logger_ = MakeNullLogger();
  testing::GuardFixture guards_{clock_, *metrics_, *logger_};
};

TEST_F(BackendsTest, AreListedInTheOrderOfTheirTargets) {
  Backends backends = Make({{"b", here_.target()}, {"a", here_.target()}, {"c", here_.target()}});
  std::vector<std::string> names;
  std::vector<std::string> guarded;
  for (Backend& backend : backends) {
    names.push_back(backend.name);
    guarded.push_back(backend.guard.backend());
  }
  EXPECT_EQ(backends.size(), 3U);
  EXPECT_THAT(names, ElementsAre("b", "a", "c"));
  EXPECT_EQ(guarded, names);
}

TEST_F(BackendsTest, AreFoundByName) {
  Backends backends = Make({{"user", here_.target()}, {"order", here_.target()}});
  EXPECT_EQ(backends.Find("order"), &*std::next(backends.begin()));
  EXPECT_EQ(&backends.Get("order"), backends.Find("order"));
  EXPECT_EQ(backends.Find("weather"), nullptr);
}

TEST_F(BackendsTest, StayWhereTheyAreWhenTheListIsMoved) {
  Backends backends = Make({{"user", here_.target()}});
  Backend* const user = backends.Find("user");
  Backends moved = std::move(backends);
  EXPECT_EQ(moved.Find("user"), user);
}

TEST_F(BackendsTest, GetEndsTheProcessOverANameThatIsNotInTheList) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(Backends().Get("weather"), "there is no weather");
}

TEST_F(BackendsTest, AreConnectedWhenEachOfThemIs) {
  user::v1::UserService::Service service;
  const testing::RpcServer server(here_.target(), {&service});
  Backends one = Make({{"a", here_.target()}});
  EXPECT_TRUE(one.WaitUntilConnected(std::chrono::seconds(10)));
  Backends first_of_two = Make({{"b", here_.target()}, {"c", there_.target()}});
  EXPECT_FALSE(first_of_two.WaitUntilConnected(std::chrono::milliseconds(50)));
  Backends second_of_two = Make({{"d", there_.target()}, {"e", here_.target()}});
  EXPECT_FALSE(second_of_two.WaitUntilConnected(std::chrono::milliseconds(50)));
}

}  // namespace
}  // namespace scaleout::gateway
