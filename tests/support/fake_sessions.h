// Authentication without a user service: a key of its own that signs, and sessions that are what
// the test says.
#ifndef SCALEOUT_TESTS_SUPPORT_FAKE_SESSIONS_H_
#define SCALEOUT_TESTS_SUPPORT_FAKE_SESSIONS_H_

#include <coroutine>
#include <string>
#include <utility>
#include <vector>

#include "gateway/auth/auth_config.h"
#include "gateway/auth/auth_metrics.h"
#include "gateway/auth/authenticator.h"
#include "gateway/auth/forged_token_limit.h"
#include "gateway/auth/session_view.h"
#include "gateway/auth/token_verifier.h"
#include "tests/support/token_signer.h"

namespace scaleout::testing {

// Answers with its member, at once or when the test says so, and remembers which sessions it was
// asked about.
class FakeSessions final : public gateway::SessionView {
 public:
  gateway::Task<absl::StatusOr<bool>> IsAlive(gateway::RequestContext&,
                                              const gateway::VerifiedToken& token) override {
    asked.push_back(token.session_id);
    Gate gate{*this};
    co_await gate;
    co_return alive;
  }

  // Answers the one request that waits.
  void Release() { std::exchange(waiting_, {}).resume(); }

  absl::StatusOr<bool> alive = true;
  bool holds = false;
  std::vector<std::string> asked;

 private:
  struct Gate {
    bool await_ready() const noexcept { return !sessions.holds; }
    void await_suspend(std::coroutine_handle<> awaiter) { sessions.waiting_ = awaiter; }
    void await_resume() const noexcept {}

    FakeSessions& sessions;
  };

  std::coroutine_handle<> waiting_;
};

// What authenticators share, over a clock and metrics that outlive it.
struct FakeAuth {
  FakeAuth(const Clock& clock_in, Metrics& metrics_in)
      : clock(clock_in),
        verifier(*gateway::TokenKeys::Parse(signer.PublicPem()), "scaleout", "scaleout-api", clock),
        metrics(metrics_in) {}

  gateway::AuthParts parts(gateway::AuthMode mode = gateway::AuthMode::kRequired) {
    return {mode, verifier, sessions, metrics, forged};
  }
  // A valid token of user 7.
  std::string Token(std::string role = "customer") const {
    TokenClaims claims(clock.WallNow());
    claims.role = std::move(role);
    return signer.Sign(claims);
  }

  const Clock& clock;
  TokenSigner signer;
  gateway::TokenVerifier verifier;
  FakeSessions sessions;
  gateway::AuthMetrics metrics;
  gateway::ForgedTokenLimit* forged = nullptr;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_FAKE_SESSIONS_H_
