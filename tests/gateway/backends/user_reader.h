// Reads users over and over on an event loop, and counts the answers that are not its own: those of
// another id, and errors that its questions cannot have.
#ifndef SCALEOUT_TESTS_GATEWAY_BACKENDS_USER_READER_H_
#define SCALEOUT_TESTS_GATEWAY_BACKENDS_USER_READER_H_

#include <chrono>
#include <cstdint>
#include <latch>
#include <random>
#include <utility>

#include "gateway/backends/user_backend.h"
#include "gateway/runtime/event_loop.h"
#include "tests/gateway/backends/coalesced_verb_fixture.h"

namespace scaleout::gateway {

// One request after the other, each in a coroutine on its loop, until `count` are done.
class UserReader final : public Job {
 public:
  UserReader(EventLoop& loop, const Clock& clock, const UserBackend& backend, unsigned seed,
             int count, std::latch& done)
      : loop_(loop), clock_(clock), backend_(backend), random_(seed), left_(count), done_(done) {}

  void Run() override { ReadAll(); }

  int wrong = 0;

 private:
  DetachedTask ReadAll() {
    while (left_-- > 0) {
      RequestContext context(loop_, clock_);
      context.deadline = clock_.Now() + std::chrono::milliseconds(left_ % 7 == 0 ? 2 : 10'000);
      const std::int64_t id = std::uniform_int_distribution<std::int64_t>(1, 40)(random_);
      user::v1::GetUserRequest request;
      request.set_user_id(id);
      Task<absl::StatusOr<user::v1::GetUserResponse>> reading =
          backend_.GetUser(context, std::move(request));
      const absl::StatusOr<user::v1::GetUserResponse> answer = co_await reading;
      if (!IsOwn(id, answer)) ++wrong;
    }
    done_.count_down();
  }

  static bool IsOwn(std::int64_t id, const absl::StatusOr<user::v1::GetUserResponse>& answer) {
    if (answer.ok()) return answer->user().id() == id;
    switch (answer.status().code()) {
      case absl::StatusCode::kDeadlineExceeded:
        return true;
      case absl::StatusCode::kNotFound:
        return FromAbsl(answer.status().message()) == StrCat("no ", id);
      case absl::StatusCode::kInternal:
        return true;  // of a batch with the poisonous key, without budget for halves
      default:
        return false;
    }
  }

  EventLoop& loop_;
  const Clock& clock_;
  const UserBackend& backend_;
  std::mt19937 random_;
  int left_;
  std::latch& done_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_TESTS_GATEWAY_BACKENDS_USER_READER_H_
