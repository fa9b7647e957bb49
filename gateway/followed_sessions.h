// Whether sessions live, wired: the user service's verbs, the thread that follows the revocations
// on redis-state, and the view over both (auth/revocation_session_view.h).
//
// The thread asks the user service through the first loop. Without a redis-state there is no
// thread, and the service is asked about each session. Start, Close and Stop are called by main.
#ifndef SCALEOUT_GATEWAY_FOLLOWED_SESSIONS_H_
#define SCALEOUT_GATEWAY_FOLLOWED_SESSIONS_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/auth/revocation_follower.h"
#include "gateway/auth/session_view.h"
#include "gateway/backends/session_backend.h"
#include "gateway/redis/redis_config.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/loop_caller.h"
#include "gateway/runtime/step_thread.h"

namespace scaleout::gateway {

// Revocations that are asked for at a time, and how long that may take.
inline constexpr std::int32_t kRevocationPageSize = 5'000;
inline constexpr std::chrono::seconds kRevocationListLimit{2};

class FollowedSessions {
 public:
  // `state` is redis-state. `loops` are all of the gateway's, by their indices. The references
  // outlive the object, and it the loops' work.
  FollowedSessions(SessionBackend backend, const std::optional<RedisServer>& state,
                   const std::vector<Executor*>& loops, const Clock& clock, Logger& logger,
                   Metrics& metrics);
  FollowedSessions(const FollowedSessions&) = delete;
  FollowedSessions& operator=(const FollowedSessions&) = delete;

  SessionView& view() { return *view_; }

  void Start();
  // The thread asks the loop for nothing more: before the loops end. What is known stays known.
  void Close() { caller_.Stop(); }
  // Whether the loop has nothing of the thread's under way.
  bool idle() const { return caller_.idle(); }
  // As StepThread::Stop.
  bool Stop() { return thread_.Stop(); }

 private:
  absl::StatusOr<RevocationPage> ListPage(const std::string& page_token);

  const SessionBackend backend_;
  LoopCaller caller_;
  std::unique_ptr<RevocationFollower> follower_;  // null without a redis-state
  StepThread thread_;
  std::unique_ptr<SessionView> view_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_FOLLOWED_SESSIONS_H_
