#include "gateway/runtime/timer_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <random>
#include <utility>
#include <vector>

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

class NumberedTimer final : public TimerJob {
 public:
  explicit NumberedTimer(int number_in) : number(number_in) {}
  void Run() override {}
  const int number;
};

MonotonicTime At(int ms) { return MonotonicTime() + milliseconds(ms); }

// The numbers of all timers that are due, in the order in which they leave the queue.
std::vector<int> TakeAllDue(TimerQueue& queue, MonotonicTime now) {
  std::vector<int> numbers;
  while (TimerJob* timer = queue.TakeDue(now)) {
    numbers.push_back(static_cast<NumberedTimer*>(timer)->number);
  }
  return numbers;
}

TEST(TimerQueue, GivesTimersInTheOrderOfTheirTimes) {
  TimerQueue queue;
  NumberedTimer a(1);
  NumberedTimer b(2);
  NumberedTimer c(3);
  queue.Arm(a, At(30));
  queue.Arm(b, At(10));
  queue.Arm(c, At(20));
  EXPECT_THAT(TakeAllDue(queue, At(100)), ElementsAre(2, 3, 1));
}

TEST(TimerQueue, GivesATimerAtItsTimeAndNotBefore) {
  TimerQueue queue;
  NumberedTimer timer(1);
  queue.Arm(timer, At(10));
  EXPECT_EQ(queue.TakeDue(At(10) - Duration(1)), nullptr);
  EXPECT_TRUE(timer.armed());
  EXPECT_EQ(queue.TakeDue(At(10)), &timer);
  EXPECT_FALSE(timer.armed());
  EXPECT_EQ(queue.TakeDue(At(10)), nullptr);
}

TEST(TimerQueue, GivesEqualTimesInTheOrderInWhichTheyWereArmed) {
  TimerQueue queue;
  std::deque<NumberedTimer> timers;
  for (int i = 0; i < 20; ++i) queue.Arm(timers.emplace_back(i), At(5));
  std::vector<int> expected;
  for (int i = 0; i < 20; ++i) expected.push_back(i);
  EXPECT_EQ(TakeAllDue(queue, At(5)), expected);
}

TEST(TimerQueue, MovesATimerThatIsArmedAgain) {
  TimerQueue queue;
  NumberedTimer a(1);
  NumberedTimer b(2);
  queue.Arm(a, At(10));
  queue.Arm(b, At(20));
  queue.Arm(a, At(30));
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_THAT(TakeAllDue(queue, At(100)), ElementsAre(2, 1));
}

TEST(TimerQueue, ForgetsADisarmedTimerAndDisarmsOnce) {
  TimerQueue queue;
  NumberedTimer a(1);
  NumberedTimer b(2);
  queue.Arm(a, At(10));
  queue.Arm(b, At(20));
  queue.Disarm(a);
  queue.Disarm(a);
  EXPECT_FALSE(a.armed());
  EXPECT_THAT(TakeAllDue(queue, At(100)), ElementsAre(2));
}

// Against a sorted map, which is slower and plainly right.
TEST(TimerQueue, AgreesWithASortedMapUnderRandomOperations) {
  std::mt19937 random(4711);
  TimerQueue queue;
  std::deque<NumberedTimer> timers;
  for (int i = 0; i < 60; ++i) timers.emplace_back(i);
  std::map<std::pair<MonotonicTime, int>, int> model;
  std::map<int, std::pair<MonotonicTime, int>> places;
  const auto forget = [&](int number) {
    if (const auto found = places.find(number); found != places.end()) {
      model.erase(found->second);
      places.erase(found);
    }
  };
  int sequence = 0;
  int now = 0;
  for (int step = 0; step < 20'000; ++step) {
    const int number = static_cast<int>(random() % timers.size());
    NumberedTimer& timer = timers[static_cast<std::size_t>(number)];
    switch (random() % 4) {
      case 0:
      case 1: {
        const MonotonicTime when = At(now + static_cast<int>(random() % 50));
        forget(number);
        model[{when, sequence}] = number;
        places[number] = {when, sequence++};
        queue.Arm(timer, when);
        break;
      }
      case 2:
        forget(number);
        queue.Disarm(timer);
        break;
      default: {
        now += static_cast<int>(random() % 10);
        std::vector<int> expected;
        while (!model.empty() && model.begin()->first.first <= At(now)) {
          expected.push_back(model.begin()->second);
          forget(expected.back());
        }
        ASSERT_EQ(TakeAllDue(queue, At(now)), expected);
      }
    }
    ASSERT_EQ(queue.size(), model.size());
    ASSERT_EQ(timer.armed(), places.count(number) == 1);
  }
}

}  // namespace
}  // namespace scaleout::gateway
