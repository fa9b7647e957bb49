// Measures what the guard adds to a call: CPU microseconds of a call through bulkhead, breaker,
// retry budget and counts, less those of the bare attempt. `make bench` compares the difference
// with what a whole request costs the gateway.
//
// No server: the stub answers at once, on the same thread, so that the difference is of the same
// order as what is measured. One thread; a guard that several loops share costs more by the
// contention for its locks, which this does not measure.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/grpc_status.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/backends/backend_channel.h"
#include "gateway/backends/backend_guard.h"
#include "gateway/backends/guarded_call.h"
#include "gateway/backends/rpc_call.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"
#include "tests/support/fake_rpc.h"
#include "tests/support/manual_executor.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

constexpr int kRounds = 9;
constexpr int kCallsOfRound = 100'000;

struct Message {
  int value = 0;
};

using Stub = testing::FakeRpc<Message, Message>;

Message Double(const Message& request) { return {request.value * 2}; }

// One attempt with the request's deadline, and nothing else.
Task<absl::StatusOr<Message>> BareCall(RequestContext& context, BackendChannel& channel, Stub& stub,
                                       Message request) {
  UnaryCall<Stub, Message, Message> attempt(context, context.deadline, channel.callbacks(),
                                            channel.queue(), stub, &Stub::PrepareAsyncCall,
                                            request);
  const grpc::Status answer = co_await attempt;
  if (answer.ok()) co_return std::move(attempt.response());
  co_return FromGrpcStatus(answer);
}

struct Bench {
  using MakeCall = std::function<Task<absl::StatusOr<Message>>(RequestContext& context)>;

  double MicrosOf(const MakeCall& make_call) {
    const MonotonicTime start = SystemClock().Now();
    for (int i = 0; i < kCallsOfRound; ++i) {
      RequestContext context(loop, SystemClock());
      context.deadline = SystemClock().Now() + std::chrono::seconds(3);
      testing::RunningTask<absl::StatusOr<Message>> call(make_call(context));
      stub.End(grpc::Status::OK);
      loop.Run();
      if (!call.done() || call.value()->value != 42) std::abort();
    }
    const std::chrono::duration<double, std::micro> spent = SystemClock().Now() - start;
    return spent.count() / kCallsOfRound;
  }

  testing::ManualExecutor loop{SystemClock()};
  Stub stub{&Double};
};

// The middle of the rounds, which take turns so that the machine's drift meets both.
int Run() {
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  const std::unique_ptr<Logger> logger = MakeNullLogger();
  const ResilienceConfig config;
  BackendGuard guard("bench", {config, SystemClock(), [] { return 0.5; }, *metrics, *logger});
  RpcMethod method(guard, "Double", Repeat::kSafe);
  BackendChannel channel("unix:/nowhere");
  Bench bench;
  std::vector<double> bare;
  std::vector<double> difference;
  for (int round = 0; round < kRounds; ++round) {
    bare.push_back(bench.MicrosOf([&](RequestContext& context) {
      return BareCall(context, channel, bench.stub, Message{21});
    }));
    const double guarded = bench.MicrosOf([&](RequestContext& context) {
      return GuardedCall(context, channel, method, bench.stub, &Stub::PrepareAsyncCall,
                         Message{21});
    });
    difference.push_back(guarded - bare.back());
  }
  std::ranges::sort(bare);
  std::ranges::sort(difference);
  channel.callbacks().Wait();
  std::printf("{\"bareCallMicros\": %.3f, \"guardMicros\": %.3f}\n", bare[kRounds / 2],
              difference[kRounds / 2]);
  return 0;
}

}  // namespace
}  // namespace scaleout::gateway

int main() { return scaleout::gateway::Run(); }
