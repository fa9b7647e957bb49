#include "service/lab_delay.h"

#include <gtest/gtest.h>

#include <future>

#include "scaleout/order/v1/order.pb.h"
#include "scaleout/user/v1/user.pb.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;

std::chrono::milliseconds DelayOfUser(const LabDelayOptions& options, std::int64_t id) {
  user::v1::GetUserRequest request;
  request.set_user_id(id);
  return LabDelay(options, SystemClock()).Of(request);
}

std::chrono::milliseconds DelayOfUsers(const LabDelayOptions& options,
                                       const std::vector<std::int64_t>& ids) {
  user::v1::BatchGetUsersRequest request;
  for (const std::int64_t id : ids) request.add_keys()->set_user_id(id);
  return LabDelay(options, SystemClock()).Of(request);
}

TEST(LabDelay, IsZeroByDefault) {
  EXPECT_FALSE(LabDelayOptions().on());
  EXPECT_EQ(DelayOfUser({}, 100), 0ms);
}

TEST(LabDelay, HoldsEveryRpc) {
  EXPECT_EQ(DelayOfUser({.rpc = 5ms}, 1), 5ms);
  EXPECT_EQ(DelayOfUsers({.rpc = 5ms}, {}), 5ms);
  EXPECT_EQ(LabDelay({.rpc = 5ms}, SystemClock()).Of(order::v1::CreateOrderRequest()), 5ms);
}

TEST(LabDelay, HoldsSingleRequestsThatNameASlowKey) {
  const LabDelayOptions options{.slow_keys = 100, .slow_key = 20ms};
  EXPECT_EQ(DelayOfUser(options, 99), 0ms);
  EXPECT_EQ(DelayOfUser(options, 300), 20ms);
  EXPECT_EQ(DelayOfUser(options, -100), 0ms);
}

TEST(LabDelay, HoldsABatchThatNamesASlowKeyAmongOthers) {
  const LabDelayOptions options{.slow_keys = 100, .slow_key = 20ms};
  EXPECT_EQ(DelayOfUsers(options, {}), 0ms);
  EXPECT_EQ(DelayOfUsers(options, {1, 2, 99}), 0ms);
  EXPECT_EQ(DelayOfUsers(options, {1, 200, 3}), 20ms);
  EXPECT_EQ(DelayOfUsers(options, {200, 1}), 20ms);
  EXPECT_EQ(DelayOfUsers(options, {1, 200}), 20ms);
}

TEST(LabDelay, TakesAFilterThatIsNotSetForNoKey) {
  order::v1::ListOrdersRequest request;
  request.set_page_size(100);
  const LabDelayOptions options{.slow_keys = 100, .slow_key = 20ms};
  EXPECT_EQ(LabDelay(options, SystemClock()).Of(request), 0ms);
  request.set_user_id(100);
  EXPECT_EQ(LabDelay(options, SystemClock()).Of(request), 20ms);
}

TEST(LabDelay, HoldsForTheLongerOfBothDelays) {
  EXPECT_EQ(DelayOfUser({.rpc = 5ms, .slow_keys = 10, .slow_key = 20ms}, 10), 20ms);
  EXPECT_EQ(DelayOfUser({.rpc = 5ms, .slow_keys = 10, .slow_key = 2ms}, 10), 5ms);
  EXPECT_EQ(DelayOfUser({.rpc = 5ms, .slow_keys = 10, .slow_key = 20ms}, 11), 5ms);
}

TEST(LabDelay, CallsBackNotBeforeTheDelayIsOver) {
  LabDelay delay({.rpc = 30ms}, SystemClock());
  std::promise<MonotonicTime> called;
  const MonotonicTime start = SystemClock().Now();
  delay.After(30ms, [&] { called.set_value(SystemClock().Now()); });
  // gRPC counts in milliseconds of the wall clock, which is a little off the monotonic one.
  EXPECT_GE(called.get_future().get() - start, 28ms);
}

TEST(LabDelay, EndsAfterItsLastCallback) {
  bool called = false;
  {
    LabDelay({.rpc = 30ms}, SystemClock()).After(30ms, [&] { called = true; });
  }
  EXPECT_TRUE(called);
}

}  // namespace
}  // namespace scaleout
