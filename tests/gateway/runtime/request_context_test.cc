#include "gateway/runtime/request_context.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "tests/support/request_fixture.h"

namespace scaleout::gateway {
namespace {

class Listener final : public CancelListener {
 public:
  explicit Listener(std::function<void()> on_cancel = [] {}) : on_cancel_(std::move(on_cancel)) {}
  void OnCancel() override {
    ++times;
    on_cancel_();
  }

  int times = 0;

 private:
  std::function<void()> on_cancel_;
};

TEST(Cancellation, CallsEveryListenerOnce) {
  Cancellation cancellation;
  Listener first;
  Listener second;
  cancellation.Add(first);
  cancellation.Add(second);
  cancellation.Cancel();
  cancellation.Cancel();
  EXPECT_EQ(first.times, 1);
  EXPECT_EQ(second.times, 1);
  EXPECT_TRUE(cancellation.cancelled());
}

TEST(Cancellation, CallsALateListenerAtOnce) {
  Cancellation cancellation;
  cancellation.Cancel();
  Listener late;
  cancellation.Add(late);
  EXPECT_EQ(late.times, 1);
}

TEST(Cancellation, ForgetsAListenerThatIsDestroyed) {
  Cancellation cancellation;
  Listener first;
  cancellation.Add(first);
  auto middle = std::make_unique<Listener>();
  cancellation.Add(*middle);
  Listener last;
  cancellation.Add(last);
  middle.reset();
  cancellation.Cancel();
  EXPECT_EQ(first.times, 1);
  EXPECT_EQ(last.times, 1);
}

TEST(Cancellation, SurvivesAListenerThatDestroysAnother) {
  Cancellation cancellation;
  auto victim = std::make_unique<Listener>();
  cancellation.Add(*victim);
  Listener killer([&victim] { victim.reset(); });
  cancellation.Add(killer);
  cancellation.Cancel();
  EXPECT_EQ(killer.times, 1);
  EXPECT_EQ(victim, nullptr);
}

TEST(RequestContext, NeverHasLessThanNoTimeLeft) {
  testing::RequestFixture fixture;
  EXPECT_EQ(fixture.context.Remaining(), std::chrono::seconds(3));
  fixture.clock.Advance(std::chrono::seconds(5));
  EXPECT_EQ(fixture.context.Remaining(), Duration::zero());
}

TEST(PartContext, IsCancelledWithTheWholeOrAlone) {
  testing::RequestFixture fixture;
  PartContext one(fixture.context);
  PartContext other(fixture.context);
  EXPECT_EQ(one.request_id, "test-request");
  EXPECT_EQ(one.deadline, fixture.context.deadline);
  one.cancellation.Cancel();
  EXPECT_FALSE(fixture.context.cancellation.cancelled());
  EXPECT_FALSE(other.cancellation.cancelled());
  fixture.context.cancellation.Cancel();
  EXPECT_TRUE(other.cancellation.cancelled());
  PartContext late(fixture.context);
  EXPECT_TRUE(late.cancellation.cancelled());
}

}  // namespace
}  // namespace scaleout::gateway
