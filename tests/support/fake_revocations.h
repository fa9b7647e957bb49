// Revocations that keep what they are given, for tests to look at. Used by one thread.
#ifndef SCALEOUT_TESTS_SUPPORT_FAKE_REVOCATIONS_H_
#define SCALEOUT_TESTS_SUPPORT_FAKE_REVOCATIONS_H_

#include <span>
#include <vector>

#include "services/user/revocations.h"

namespace scaleout::testing {

class FakeRevocations final : public user::Revocations {
 public:
  absl::Status Publish(const CallContext&, std::span<const user::SessionId> ended) override {
    if (!failure.ok() && !ended.empty()) return failure;
    published.insert(published.end(), ended.begin(), ended.end());
    return absl::OkStatus();
  }

  std::vector<user::SessionId> published;
  absl::Status failure;  // of a publication of at least one
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_FAKE_REVOCATIONS_H_
