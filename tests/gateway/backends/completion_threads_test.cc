#include "gateway/backends/completion_threads.h"

#include <grpcpp/alarm.h>
#include <gtest/gtest.h>

#include <chrono>

#include "gateway/backends/rpc_call.h"
#include "tests/support/fake_rpc.h"
#include "tests/support/request_fixture.h"

namespace scaleout::gateway {
namespace {

int Same(const int& number) { return number; }

TEST(CompletionThreads, ReportTheEndOfWhatIsBegunOnTheirQueue) {
  testing::RequestFixture request;
  CallbackCount callbacks;
  testing::FakeRpc<int, int> stub(&Same);
  CompletionThreads threads(1);
  const int ask = 1;
  UnaryCall<testing::FakeRpc<int, int>, int, int> call(
      request.context, request.context.deadline, callbacks, threads.queue(), stub,
      &testing::FakeRpc<int, int>::PrepareAsyncCall, ask);
  PendingRpc pending(call, request.context, callbacks, nullptr);
  pending.Begin();
  grpc::Alarm alarm;  // ends at once
  alarm.Set(&threads.queue(), std::chrono::system_clock::now(), &pending);
  EXPECT_TRUE(callbacks.WaitAtMost(std::chrono::seconds(10)));
}

TEST(CompletionThreads, EndWithTheirQueue) {
  for (const std::size_t threads : {1U, 3U}) CompletionThreads waiting(threads);
}

TEST(CompletionThreads, AreOneForEveryTwoLoops) {
  EXPECT_EQ(CompletionThreads::ThreadsFor(1), 1U);
  EXPECT_EQ(CompletionThreads::ThreadsFor(2), 1U);
  EXPECT_EQ(CompletionThreads::ThreadsFor(3), 2U);
  EXPECT_EQ(CompletionThreads::ThreadsFor(8), 4U);
}

}  // namespace
}  // namespace scaleout::gateway
