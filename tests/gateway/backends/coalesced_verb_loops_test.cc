// Reads on two event loops at once, over gRPC: what a race detector is to look at.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <latch>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "gateway/backends/user_backend.h"
#include "gateway/runtime/event_loops.h"
#include "tests/gateway/backends/coalesced_verb_fixture.h"

namespace scaleout::gateway {
namespace {

// One request after the other, each in a coroutine on its loop, until `count` are done.
class Reader final : public Job {
 public:
  Reader(EventLoop& loop, const Clock& clock, const UserBackend& backend, unsigned seed, int count,
         std::latch& done)
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

TEST(CoalescedVerbLoopsTest, EveryReaderGetsItsOwnAnswer) {
  constexpr int kReaders = 32;
  constexpr int kReadsEach = 60;
  Users users;
  const testing::SocketPath path;
  testing::RpcServer server(path.target(), {&users});
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  const std::unique_ptr<Logger> logger = MakeNullLogger();
  EventLoops loops(2, SystemClock(), *logger, *metrics);
  testing::GuardFixture guards(SystemClock(), *metrics, *logger);
  Backends backends = MakeBackends({{"user", path.target()}}, guards.parts());
  ASSERT_TRUE(backends.WaitUntilConnected(std::chrono::seconds(10)));
  const CoalescingParts parts{{}, {&loops.at(0), &loops.at(1)}, SystemClock(), *logger};
  const UserBackend backend = MakeUserBackend(backends.Get("user"), &parts);
  std::latch done(kReaders);
  std::vector<std::unique_ptr<Reader>> readers;
  for (unsigned i = 0; i < kReaders; ++i) {
    EventLoop& loop = loops.at(i % 2);
    readers.push_back(std::make_unique<Reader>(loop, SystemClock(), backend, i, kReadsEach, done));
    loop.Post(*readers.back());
  }
  loops.Start();
  done.wait();
  loops.Stop();
  EXPECT_TRUE(backends.WaitForCallbacks());
  for (const auto& reader : readers) EXPECT_EQ(reader->wrong, 0);
  EXPECT_GT(users.asked.batches, 0);
  EXPECT_EQ(backends.Get("user").coalescers.front().counts().in_flight, 0);
}

}  // namespace
}  // namespace scaleout::gateway
