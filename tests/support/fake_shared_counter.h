// A shared counter without Redis: it counts, or fails as the test says.
#ifndef SCALEOUT_TESTS_SUPPORT_FAKE_SHARED_COUNTER_H_
#define SCALEOUT_TESTS_SUPPORT_FAKE_SHARED_COUNTER_H_

#include "gateway/cluster/shared_counter.h"

namespace scaleout::testing {

class FakeSharedCounter final : public gateway::SharedCounter {
 public:
  gateway::Task<absl::StatusOr<gateway::SharedCount>> Next(gateway::RequestContext&) override {
    if (!status.ok()) co_return status;
    ++next.count;
    co_return next;
  }

  absl::Status status;
  gateway::SharedCount next;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_FAKE_SHARED_COUNTER_H_
