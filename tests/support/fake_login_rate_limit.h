// A login rate limit without Redis: it notes what was charged, and answers what the test says.
#ifndef SCALEOUT_TESTS_SUPPORT_FAKE_LOGIN_RATE_LIMIT_H_
#define SCALEOUT_TESTS_SUPPORT_FAKE_LOGIN_RATE_LIMIT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gateway/auth/login_rate_limit.h"

namespace scaleout::testing {

class FakeLoginRateLimit final : public gateway::LoginRateLimit {
 public:
  gateway::Task<absl::Status> ChargeLogin(gateway::RequestContext&, std::string email) override {
    logins.push_back(std::move(email));
    co_return status;
  }
  gateway::Task<absl::Status> ChargeRegistration(gateway::RequestContext&) override {
    ++registrations;
    co_return status;
  }
  gateway::Task<absl::Status> ChargeEmailChange(gateway::RequestContext&) override {
    ++email_changes;
    co_return status;
  }

  absl::Status status;
  std::vector<std::string> logins;
  int registrations = 0;
  int email_changes = 0;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_FAKE_LOGIN_RATE_LIMIT_H_
