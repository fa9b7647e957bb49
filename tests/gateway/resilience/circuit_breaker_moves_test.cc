// Every state of the breaker with every event, as one table.
#include <gtest/gtest.h>

#include <chrono>
#include <ostream>
#include <utility>
#include <vector>

#include "gateway/resilience/circuit_breaker.h"
#include "tests/gateway/resilience/circuit_breaker_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::seconds;
using enum CircuitState;

enum class Event {
  kSuccess,      // a call that is permitted ends well
  kFailure,      // or badly
  kIgnored,      // or says nothing
  kPermitsLost,  // permits are taken and never answered; half_open_max passes
  kWaitPasses,   // the longest wait passes and a call comes
  kForceOpen,
  kDisable,
  kReset,
};

struct Move {
  CircuitState from;
  Event event;
  CircuitState to;
};

std::ostream& operator<<(std::ostream& out, const Move& move) {
  return out << CircuitStateName(move.from) << " x event " << static_cast<int>(move.event);
}

class CircuitBreakerMoves : public CircuitBreakerTest, public ::testing::WithParamInterface<Move> {
 protected:
  void Apply(Event event) {
    switch (event) {
      case Event::kSuccess:
        Call(CallOutcome::kSuccess);
        break;
      case Event::kFailure:
        Call(CallOutcome::kFailure);
        break;
      case Event::kIgnored:
        Call(CallOutcome::kIgnored);
        break;
      case Event::kPermitsLost: {
        std::vector<CircuitPermit> lost;
        for (int i = 0; i < 3; ++i) {
          CircuitDecision decision = breaker_.Acquire();
          if (decision.permit) lost.push_back(std::move(*decision.permit));
        }
        clock_.Advance(seconds(10));
        breaker_.Snapshot();
        break;
      }
      case Event::kWaitPasses: {
        clock_.Advance(seconds(60));
        held_ = breaker_.Acquire();
        break;
      }
      case Event::kForceOpen:
        breaker_.ForceOpen();
        break;
      case Event::kDisable:
        breaker_.Disable();
        break;
      case Event::kReset:
        breaker_.Reset();
        break;
    }
  }

  CircuitDecision held_;
};

TEST_P(CircuitBreakerMoves, LeadWhereTheTableSays) {
  GoTo(GetParam().from);
  Apply(GetParam().event);
  EXPECT_EQ(breaker_.state(), GetParam().to);
}

INSTANTIATE_TEST_SUITE_P(
    EveryStateAndEvent, CircuitBreakerMoves,
    ::testing::Values(
        Move{kClosed, Event::kSuccess, kClosed}, Move{kClosed, Event::kFailure, kClosed},
        Move{kClosed, Event::kIgnored, kClosed}, Move{kClosed, Event::kPermitsLost, kClosed},
        Move{kClosed, Event::kWaitPasses, kClosed}, Move{kClosed, Event::kForceOpen, kForcedOpen},
        Move{kClosed, Event::kDisable, kDisabled}, Move{kClosed, Event::kReset, kClosed},

        Move{kOpen, Event::kSuccess, kOpen}, Move{kOpen, Event::kFailure, kOpen},
        Move{kOpen, Event::kIgnored, kOpen}, Move{kOpen, Event::kPermitsLost, kOpen},
        Move{kOpen, Event::kWaitPasses, kHalfOpen}, Move{kOpen, Event::kForceOpen, kForcedOpen},
        Move{kOpen, Event::kDisable, kDisabled}, Move{kOpen, Event::kReset, kClosed},

        Move{kHalfOpen, Event::kSuccess, kHalfOpen}, Move{kHalfOpen, Event::kFailure, kHalfOpen},
        Move{kHalfOpen, Event::kIgnored, kHalfOpen}, Move{kHalfOpen, Event::kPermitsLost, kOpen},
        Move{kHalfOpen, Event::kWaitPasses, kHalfOpen},
        Move{kHalfOpen, Event::kForceOpen, kForcedOpen},
        Move{kHalfOpen, Event::kDisable, kDisabled}, Move{kHalfOpen, Event::kReset, kClosed},

        Move{kDisabled, Event::kSuccess, kDisabled}, Move{kDisabled, Event::kFailure, kDisabled},
        Move{kDisabled, Event::kIgnored, kDisabled},
        Move{kDisabled, Event::kPermitsLost, kDisabled},
        Move{kDisabled, Event::kWaitPasses, kDisabled},
        Move{kDisabled, Event::kForceOpen, kForcedOpen},
        Move{kDisabled, Event::kDisable, kDisabled}, Move{kDisabled, Event::kReset, kClosed},

        Move{kForcedOpen, Event::kSuccess, kForcedOpen},
        Move{kForcedOpen, Event::kFailure, kForcedOpen},
        Move{kForcedOpen, Event::kIgnored, kForcedOpen},
        Move{kForcedOpen, Event::kPermitsLost, kForcedOpen},
        Move{kForcedOpen, Event::kWaitPasses, kForcedOpen},
        Move{kForcedOpen, Event::kForceOpen, kForcedOpen},
        Move{kForcedOpen, Event::kDisable, kDisabled}, Move{kForcedOpen, Event::kReset, kClosed}));

}  // namespace
}  // namespace scaleout::gateway
