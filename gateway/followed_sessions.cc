#include "gateway/followed_sessions.h"

#include <utility>

#include "gateway/auth/revocation_session_view.h"
#include "gateway/session_check.h"

namespace scaleout::gateway {
namespace {

using user::v1::ListRevocationsRequest;
using user::v1::ListRevocationsResponse;

}  // namespace

FollowedSessions::FollowedSessions(SessionBackend backend, const std::optional<RedisServer>& state,
                                   const std::vector<Executor*>& loops, const Clock& clock,
                                   Logger& logger, Metrics& metrics)
    : backend_(std::move(backend)),
      caller_(*loops.front(), clock),
      follower_(state ? FollowRevocations(
                            *state, [this](const std::string& token) { return ListPage(token); },
                            clock, logger, metrics)
                      : nullptr),
      thread_("revocations", [this] { return follower_->Step(); }),
      view_(MakeRevocationSessionView(follower_.get(), MakeSessionCheck(backend_), loops.size(),
                                      clock, metrics)) {
  if (!state) {
    logger.Warn("REDIS_STATE_ADDRESS is not set: the user service is asked about each session");
  }
}

void FollowedSessions::Start() {
  if (follower_ != nullptr) thread_.Start();
}

absl::StatusOr<RevocationPage> FollowedSessions::ListPage(const std::string& page_token) {
  const auto list = [this, page_token](RequestContext& context) {
    ListRevocationsRequest request;
    request.set_page_size(kRevocationPageSize);
    request.set_page_token(page_token);
    return backend_.ListRevocations(context, std::move(request));
  };
  const absl::StatusOr<ListRevocationsResponse> answer =
      caller_.Call<ListRevocationsResponse>(kRevocationListLimit, list);
  if (!answer.ok()) return answer.status();
  return RevocationPage{.session_ids = {answer->session_ids().begin(), answer->session_ids().end()},
                        .next_page_token = answer->next_page_token()};
}

}  // namespace scaleout::gateway
