#include "gateway/auth/revocation_session_view.h"

#include <optional>
#include <utility>
#include <vector>

#include "common/session_number.h"
#include "gateway/auth/session_answers.h"

namespace scaleout::gateway {
namespace {

Counter& AddChecks(Metrics& metrics, const char* result) {
  return metrics.AddCounter("gateway_session_checks_total",
                            "Requests with a token whose session the gateway did not know of by "
                            "itself, by what the user service said",
                            {{"result", result}});
}

class RevocationSessionView final : public SessionView {
 public:
  RevocationSessionView(const RevocationFollower* follower, AskSession ask, std::size_t loops,
                        const Clock& clock, Metrics& metrics)
      : follower_(follower),
        ask_(std::move(ask)),
        clock_(clock),
        answers_(loops),
        alive_(AddChecks(metrics, "alive")),
        ended_(AddChecks(metrics, "ended")),
        remembered_(AddChecks(metrics, "remembered")),
        failed_(AddChecks(metrics, "failed")) {}

  Task<absl::StatusOr<bool>> IsAlive(RequestContext& context, const VerifiedToken& token) override {
    const std::optional<SessionNumber> session = FindSessionNumber(token.session_id);
    if (!session) co_return false;  // not one that ever began
    if (follower_ != nullptr) {
      if (const std::optional<bool> known = follower_->IsAlive(*session)) co_return *known;
    }
    SessionAnswers& answers = answers_[context.loop.index()];
    const SessionQuestion question{*session, token.principal};
    const MonotonicTime asked = clock_.Now();
    if (const std::optional<bool> remembered = answers.Find(question, asked)) {
      remembered_.Increment();
      co_return *remembered;
    }
    Task<absl::StatusOr<bool>> asking = ask_(context, token);
    const absl::StatusOr<bool> answer = co_await asking;
    if (answer.ok()) {
      answers.Remember(question, *answer, asked, clock_.Now());
      (*answer ? alive_ : ended_).Increment();
    } else {
      failed_.Increment();
    }
    co_return answer;
  }

 private:
  const RevocationFollower* const follower_;
  const AskSession ask_;
  const Clock& clock_;
  std::vector<SessionAnswers> answers_;  // by the loops' indices
  Counter& alive_;
  Counter& ended_;
  Counter& remembered_;
  Counter& failed_;
};

}  // namespace

std::unique_ptr<SessionView> MakeRevocationSessionView(const RevocationFollower* follower,
                                                       AskSession ask, std::size_t loops,
                                                       const Clock& clock, Metrics& metrics) {
  return std::make_unique<RevocationSessionView>(follower, std::move(ask), loops, clock, metrics);
}

}  // namespace scaleout::gateway
