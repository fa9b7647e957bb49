#include "gateway/backends/rpc_call.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "gateway/runtime/task.h"
#include "tests/support/fake_rpc.h"
#include "tests/support/request_fixture.h"
#include "tests/support/standstill.h"

namespace scaleout::gateway {
namespace {

using FakeStub = testing::FakeRpc<int, int>;

int Twice(const int& number) { return number * 2; }

struct CallFixture {
  testing::RequestFixture request;
  CallbackCount callbacks;
  grpc::CompletionQueue queue;
  FakeStub stub{&Twice};
  std::shared_ptr<const BulkheadPermit> place;
  bool ended = false;
  grpc::Status status;
  int response = 0;

  Task<void> Call() {
    const int ask = 21;
    UnaryCall<FakeStub, int, int> call(request.context, request.context.deadline, callbacks, queue,
                                       stub, &FakeStub::PrepareAsyncCall, ask,
                                       std::exchange(place, nullptr));
    status = co_await call;
    if (status.ok()) response = call.response();
    ended = true;
  }
};

TEST(RpcCall, ResumesOnItsLoopAndNotOnTheThreadThatEndedIt) {
  CallFixture fixture;
  Start(fixture.Call());
  ASSERT_TRUE(fixture.stub.called());
  std::jthread other([&fixture] { fixture.stub.End(grpc::Status::OK); });
  other.join();
  EXPECT_FALSE(fixture.ended);
  EXPECT_EQ(fixture.request.loop.Run(), 1);
  EXPECT_TRUE(fixture.ended);
  EXPECT_TRUE(fixture.status.ok());
  EXPECT_EQ(fixture.response, 42);
}

TEST(RpcCall, EndsEvenIfItEndsAtOnce) {
  CallFixture fixture;
  Start(fixture.Call());
  fixture.stub.End(grpc::Status(grpc::StatusCode::ABORTED, "busy"));
  fixture.request.loop.Run();
  EXPECT_TRUE(fixture.ended);
  EXPECT_EQ(fixture.status.error_code(), grpc::StatusCode::ABORTED);
}

TEST(RpcCall, GivesGrpcTheTimeThatIsLeft) {
  CallFixture fixture;
  fixture.request.clock.Advance(std::chrono::seconds(1));
  const auto before = std::chrono::system_clock::now();
  Start(fixture.Call());
  const auto left = fixture.stub.client().deadline() - before;
  EXPECT_GT(left, std::chrono::milliseconds(1900));
  EXPECT_LT(left, std::chrono::seconds(2) + testing::kStandstill);
  fixture.stub.End(grpc::Status::OK);
  fixture.request.loop.Run();
}

TEST(RpcCall, IsNotMadeWhenNoTimeIsLeft) {
  CallFixture fixture;
  fixture.request.clock.Advance(std::chrono::seconds(3));
  Start(fixture.Call());
  EXPECT_TRUE(fixture.ended);
  EXPECT_FALSE(fixture.stub.called());
  EXPECT_EQ(fixture.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST(RpcCall, IsNotMadeWhenTheClientIsGone) {
  CallFixture fixture;
  fixture.request.context.cancellation.Cancel();
  Start(fixture.Call());
  EXPECT_TRUE(fixture.ended);
  EXPECT_FALSE(fixture.stub.called());
  EXPECT_EQ(fixture.status.error_code(), grpc::StatusCode::CANCELLED);
}

TEST(RpcCall, MayBeCancelledBetweenItsEndAndItsResumption) {
  CallFixture fixture;
  Start(fixture.Call());
  fixture.stub.End(grpc::Status::OK);
  fixture.request.context.cancellation.Cancel();
  fixture.request.loop.Run();
  EXPECT_TRUE(fixture.ended);
}

TEST(RpcCall, EndsSoonAfterItsDeadlineThoughGrpcDoesNotEndIt) {
  CallFixture fixture;
  Start(fixture.Call());
  fixture.request.clock.Advance(std::chrono::seconds(3) + kEndGrace - Duration(1));
  fixture.request.loop.Run();
  EXPECT_FALSE(fixture.ended) << "gRPC may be a little late";
  fixture.request.clock.Advance(Duration(1));
  fixture.request.loop.Run();
  ASSERT_TRUE(fixture.ended);
  EXPECT_EQ(fixture.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  fixture.stub.End(grpc::Status::OK);
  EXPECT_EQ(fixture.request.loop.Run(), 0);
}

TEST(RpcCall, EndsSoonAfterItsClientHasLeftThoughGrpcDoesNotEndIt) {
  CallFixture fixture;
  Start(fixture.Call());
  fixture.request.context.cancellation.Cancel();
  fixture.request.loop.Run();
  EXPECT_FALSE(fixture.ended);
  fixture.request.clock.Advance(kEndGrace);
  fixture.request.loop.Run();
  ASSERT_TRUE(fixture.ended);
  EXPECT_EQ(fixture.status.error_code(), grpc::StatusCode::CANCELLED);
  fixture.stub.End(grpc::Status(grpc::StatusCode::CANCELLED, ""));
}

TEST(RpcCall, KeepsItsPlaceUntilGrpcHasFinishedWithIt) {
  Bulkhead bulkhead({.max_concurrent_calls = 1});
  CallFixture fixture;
  fixture.place = std::make_shared<const BulkheadPermit>(*bulkhead.TryAcquire());
  Start(fixture.Call());
  fixture.request.clock.Advance(std::chrono::seconds(3) + kEndGrace);
  fixture.request.loop.Run();
  ASSERT_TRUE(fixture.ended);
  EXPECT_EQ(bulkhead.in_flight(), 1);
  EXPECT_FALSE(fixture.callbacks.WaitAtMost(std::chrono::milliseconds(2)));
  std::jthread other([&fixture] { fixture.stub.End(grpc::Status::OK); });
  other.join();
  EXPECT_EQ(bulkhead.in_flight(), 0);
  EXPECT_TRUE(fixture.callbacks.WaitAtMost(std::chrono::milliseconds(0)));
}

TEST(RpcCall, ALateEndOfGrpcAndTheEndOfTheGraceMayMeet) {
  CallFixture fixture;
  Start(fixture.Call());
  fixture.request.clock.Advance(std::chrono::seconds(3) + kEndGrace);
  fixture.stub.End(grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "late"));
  fixture.request.loop.Run();
  EXPECT_TRUE(fixture.ended);
  EXPECT_EQ(fixture.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST(RpcCall, MayBeCancelledAfterItsEnd) {
  testing::RequestFixture request;
  CallbackCount callbacks;
  grpc::CompletionQueue queue;
  FakeStub stub{&Twice};
  const int ask = 0;
  {
    UnaryCall<FakeStub, int, int> call(request.context, request.context.deadline, callbacks, queue,
                                       stub, &FakeStub::PrepareAsyncCall, ask);
    call.await_suspend(std::noop_coroutine());
    stub.End(grpc::Status::OK);
    request.loop.Run();
    request.context.cancellation.Cancel();
  }
  EXPECT_EQ(request.loop.timers(), 0U) << "for a call that is gone";
}

TEST(RpcCall, IsBlamedOnItsRoute) {
  CallFixture fixture;
  const RouteDescription route{"/api/users"};
  const int ask = 0;
  class Peek final : public Executor {
   public:
    void Post(Job& job) override { route = job.route; }
    void Defer(Job&) override {}
    void Hold(Job&) override {}
    void AddHoldListener(HoldListener&) override {}
    void RemoveHoldListener(HoldListener&) override {}
    void After(Duration, TimerJob&) override {}
    void AfterFine(Duration, TimerJob&) override {}
    void Cancel(TimerJob&) override {}
    bool Watch(int, FdEvents, FdWatcher&) override { return true; }
    void Unwatch(int) override {}
    void EnterRoute(const RouteDescription&) override {}
    void LeaveRoute() override {}
    std::size_t index() const override { return 0; }
    const RouteDescription* route = nullptr;
  } loop;
  RequestContext context(loop, fixture.request.clock);
  context.route = &route;
  UnaryCall<FakeStub, int, int> call(context, fixture.request.context.deadline, fixture.callbacks,
                                     fixture.queue, fixture.stub, &FakeStub::PrepareAsyncCall, ask);
  call.await_suspend(std::noop_coroutine());
  fixture.stub.End(grpc::Status::OK);
  EXPECT_EQ(loop.route, &route);
}

TEST(CallbackCount, WaitsUntilTheLastCallbackHasLeft) {
  CallbackCount count;
  count.Wait();
  count.Enter();
  count.Enter();
  std::jthread other([&count] {
    count.Leave();
    count.Leave();
  });
  count.Wait();
  other.join();
}

}  // namespace
}  // namespace scaleout::gateway
