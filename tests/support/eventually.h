// Waits for what other threads or processes bring about: the only place where a test sleeps. It
// polls, so it says nothing about when the condition came true; the limit is generous because a
// machine may be slow, and only a failing test waits that long.
#ifndef SCALEOUT_TESTS_SUPPORT_EVENTUALLY_H_
#define SCALEOUT_TESTS_SUPPORT_EVENTUALLY_H_

#include <chrono>
#include <thread>

#include "common/clock.h"

namespace scaleout::testing {

// Whether `condition()` came true within `limit`. It is asked every millisecond.
template <typename Condition>
bool Eventually(Condition condition, Duration limit = std::chrono::seconds(20)) {
  const MonotonicTime end = SystemClock().Now() + limit;
  while (!condition()) {
    if (SystemClock().Now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_EVENTUALLY_H_
