#include "service/service_host.h"

#include <grpcpp/generic/generic_stub.h>

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/status.h"
#include "deploy/probe/grpc_probe.h"
#include "tests/integration/service_host_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/standstill.h"

// Asked for by ThreadSanitizer, beside tests/support/tsan_suppressions.txt: gRPC's start reads a
// time zone in a library that is not instrumented.
extern "C" const char* __tsan_default_suppressions() { return "race:libabsl_time_zone.so\n"; }

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Succeed;

class ServiceHostTest : public testing::ServiceHostFixture {};

constexpr std::chrono::seconds kPatience = ServiceHostTest::kPatience;

// What a blocked call waits for.
class Gate {
 public:
  void Open() { promise_.set_value(); }
  void Wait() const { future_.wait_for(kPatience); }

 private:
  std::promise<void> promise_;
  std::shared_future<void> future_ = promise_.get_future().share();
};

TEST_F(ServiceHostTest, ReportsItsHealth) {
  ASSERT_TRUE(Start(Succeed).ok());
  EXPECT_TRUE(absl::IsUnavailable(ProbeGrpc(target(), "", kPatience)));
  host_->SetServing(true);
  EXPECT_TRUE(ProbeGrpc(target(), "", kPatience).ok());
  EXPECT_TRUE(ProbeGrpc(target(), user::kUserServiceName, kPatience).ok());
  EXPECT_TRUE(absl::IsNotFound(ProbeGrpc(target(), "no.such.Service", kPatience)));
  host_->SetServing(false);
  EXPECT_TRUE(absl::IsUnavailable(ProbeGrpc(target(), "", kPatience)));
  EXPECT_TRUE(absl::IsUnavailable(ProbeGrpc(target(), user::kUserServiceName, kPatience)));
  // Calls are answered all the same: some need no database, the others say what is wrong.
  EXPECT_TRUE(GetUser().ok());
}

// A streaming call without a stub: sends one message and reads as many as it is asked for.
class RawStream {
 public:
  RawStream(const std::string& target, const std::string& method, const std::string& message)
      : stub_(grpc::CreateChannel(target, grpc::InsecureChannelCredentials())) {
    context_.set_deadline(std::chrono::system_clock::now() + kPatience);
    stream_ = stub_.PrepareCall(&context_, method, &queue_);
    stream_->StartCall(nullptr);
    Next();
    const grpc::Slice slice(message);
    stream_->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
    Next();
  }
  ~RawStream() {
    context_.TryCancel();
    grpc::Status status;
    stream_->Finish(&status, nullptr);
    Next();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }
  RawStream(const RawStream&) = delete;
  RawStream& operator=(const RawStream&) = delete;

  std::string Read() {
    grpc::ByteBuffer message;
    stream_->Read(&message, nullptr);
    if (!Next()) return "the stream ended";
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(message.Dump(&slices).ok());
    std::string bytes;
    for (const grpc::Slice& slice : slices) bytes.append(slice.begin(), slice.end());
    return bytes;
  }

 private:
  bool Next() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  grpc::GenericStub stub_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
};

TEST_F(ServiceHostTest, SendsItsHealthToWatchersWhenItChanges) {
  ASSERT_TRUE(Start(Succeed).ok());
  RawStream watch(target(), "/grpc.health.v1.Health/Watch", "");
  // Field 1 of the answer is the status: 1 is SERVING, 2 is NOT_SERVING.
  EXPECT_EQ(watch.Read(), "\x08\x02");
  host_->SetServing(true);
  EXPECT_EQ(watch.Read(), "\x08\x01");
  host_->SetServing(false);
  EXPECT_EQ(watch.Read(), "\x08\x02");
}

TEST_F(ServiceHostTest, DescribesItsServicesByReflection) {
  ASSERT_TRUE(Start(Succeed).ok());
  // Field 7 of the request asks for the list of services.
  RawStream reflection(target(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                       std::string("\x3a\x00", 2));
  EXPECT_THAT(reflection.Read(), HasSubstr(user::kUserServiceName));
}

TEST_F(ServiceHostTest, HandsTheCallersDeadlineAndIdsDown) {
  std::promise<CallContext> first;
  std::promise<CallContext> second;
  std::atomic<int> calls = 0;
  ASSERT_TRUE(Start([&](const CallContext& call) {
                (++calls == 1 ? first : second).set_value(call);
                return absl::OkStatus();
              }).ok());
  grpc::ClientContext context;
  context.AddMetadata("x-request-id", "req-1");
  context.AddMetadata("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  context.set_deadline(std::chrono::system_clock::now() + 10s);
  ASSERT_TRUE(GetUser(context).ok());
  const CallContext named = first.get_future().get();
  EXPECT_EQ(named.request_id, "req-1");
  EXPECT_EQ(named.trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_FALSE(named.deadline.IsNever());
  EXPECT_LT(named.deadline.when(), SystemClock().Now() + 11s);

  grpc::ClientContext bare;
  ASSERT_TRUE(GetUser(bare).ok());
  const CallContext unnamed = second.get_future().get();
  EXPECT_EQ(unnamed.request_id, "");
  EXPECT_TRUE(unnamed.deadline.IsNever());
}

TEST_F(ServiceHostTest, KnowsWhenTheClientIsGone) {
  std::promise<bool> noticed;
  std::promise<void> entered;
  ASSERT_TRUE(Start([&](const CallContext& call) {
                entered.set_value();
                noticed.set_value(testing::Eventually(call.is_cancelled));
                return absl::CancelledError("gone");
              }).ok());
  grpc::ClientContext context;
  auto call = std::async(std::launch::async, [&] { return GetUser(context); });
  entered.get_future().wait();
  context.TryCancel();
  EXPECT_TRUE(noticed.get_future().get());
  EXPECT_TRUE(absl::IsCancelled(call.get()));
}

TEST_F(ServiceHostTest, RefusesAtOnceWhatItsQueueCannotHold) {
  config_.max_threads = 1;
  config_.max_queue = 1;
  Gate gate;
  std::promise<void> first_entered;
  std::atomic<int> entered = 0;
  ASSERT_TRUE(Start([&](const CallContext&) {
                if (++entered == 1) first_entered.set_value();
                gate.Wait();
                return absl::OkStatus();
              }).ok());
  std::vector<std::future<absl::Status>> calls;
  calls.push_back(std::async(std::launch::async, [this] { return GetUser(); }));
  first_entered.get_future().wait();
  for (int i = 0; i < 5; ++i) {
    calls.push_back(std::async(std::launch::async, [this] { return GetUser(); }));
  }
  // One is at work and one waits; the other four are refused while these two are still there.
  int refused = 0;
  const Deadline until = Deadline::In(kPatience, SystemClock());
  while (refused < 4 && !until.Passed(SystemClock())) {
    for (auto& call : calls) {
      if (!call.valid() || call.wait_for(1ms) != std::future_status::ready) continue;
      const absl::Status status = call.get();
      EXPECT_TRUE(absl::IsUnavailable(status)) << status;
      EXPECT_EQ(ReasonOf(status), "OVERLOADED");
      EXPECT_EQ(MetadataOf(status)["retryAfterMs"], "1000");
      ++refused;
    }
  }
  EXPECT_EQ(refused, 4);
  EXPECT_EQ(entered, 1);
  gate.Open();
  for (auto& call : calls) {
    if (call.valid()) {
      EXPECT_TRUE(call.get().ok());
    }
  }
  EXPECT_EQ(entered, 2);
  host_.reset();  // before what its workers use
}

TEST_F(ServiceHostTest, DoesNoWorkForACallThatExpiredInTheQueue) {
  config_.max_threads = 1;
  Gate gate;
  std::promise<void> first_entered;
  std::atomic<int> entered = 0;
  ASSERT_TRUE(Start([&](const CallContext&) {
                if (++entered == 1) first_entered.set_value();
                gate.Wait();
                return absl::OkStatus();
              }).ok());
  auto first = std::async(std::launch::async, [this] { return GetUser(); });
  first_entered.get_future().wait();
  EXPECT_TRUE(absl::IsDeadlineExceeded(GetUser(30ms)));
  gate.Open();
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(GetUser().ok());
  EXPECT_EQ(entered, 2);
  host_.reset();  // before what its workers use
}

TEST_F(ServiceHostTest, HoldsDelayedCallsWithoutAWorker) {
  constexpr int kCalls = 20;
  config_.max_threads = 1;
  config_.max_queue = kCalls;
  config_.lab_delay.rpc = 500ms;
  ASSERT_TRUE(Start(Succeed).ok());
  const std::optional<testing::LoggedLine> warning = logger_.Find("the lab delays RPCs");
  ASSERT_TRUE(warning);
  EXPECT_EQ(warning->level, LogLevel::kWarn);
  const MonotonicTime start = SystemClock().Now();
  std::vector<std::future<absl::Status>> calls;
  for (int i = 0; i < kCalls; ++i) {
    calls.push_back(std::async(std::launch::async, [this] { return GetUser(); }));
  }
  EXPECT_TRUE(testing::Eventually([this] { return host_->calls().active() > 0; }));
  for (auto& call : calls) EXPECT_TRUE(call.get().ok());
  const Duration took = SystemClock().Now() - start;
  EXPECT_GE(took, 495ms);
  // One after the other they would take 10 s.
  EXPECT_LT(took, testing::kStandstill);
}

TEST_F(ServiceHostTest, DelaysOnlyTheCallsThatNameASlowKey) {
  config_.lab_delay.slow_keys = 10;
  config_.lab_delay.slow_key = 10s;
  config_.drain_timeout = 0s;
  ASSERT_TRUE(Start(Succeed).ok());
  EXPECT_TRUE(GetUser().ok());
  grpc::ClientContext fast;
  EXPECT_TRUE(GetUser(fast, 9).ok());
  EXPECT_EQ(host_->calls().active(), 0);
}

TEST_F(ServiceHostTest, DoesNoWorkForADelayedCallThatExpired) {
  config_.lab_delay.rpc = 200ms;
  std::atomic<int> entered = 0;
  ASSERT_TRUE(Start([&](const CallContext&) {
                ++entered;
                return absl::OkStatus();
              }).ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(GetUser(50ms)));
  EXPECT_TRUE(testing::Eventually([this] { return host_->calls().active() == 0; }));
  EXPECT_EQ(entered, 0);
}

TEST_F(ServiceHostTest, StopsWithADelayedCall) {
  config_.lab_delay.rpc = 1s;
  ASSERT_TRUE(Start(Succeed).ok());
  auto call = std::async(std::launch::async, [this] { return GetUser(); });
  ASSERT_TRUE(testing::Eventually([this] { return host_->calls().active() == 1; }));
  host_.reset();
  EXPECT_FALSE(call.get().ok());
}

TEST_F(ServiceHostTest, CarriesRefusedFieldsToTheClient) {
  ASSERT_TRUE(Start(Succeed).ok());
  grpc::ClientContext context;
  const absl::Status status = GetUser(context, -1);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  ASSERT_EQ(FieldViolationsOf(status).size(), 1u);
  EXPECT_EQ(FieldViolationsOf(status)[0].field, "user_id");
}

TEST_F(ServiceHostTest, SurvivesAnExceptionAndKeepsItsWordsToItself) {
  ASSERT_TRUE(
      Start([](const CallContext&) -> absl::Status { throw std::runtime_error("secret"); }).ok());
  const absl::Status status = GetUser();
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
  EXPECT_TRUE(absl::IsInternal(GetUser()));
}

TEST_F(ServiceHostTest, CountsEveryCallByMethodAndCode) {
  std::atomic<bool> fail = false;
  ASSERT_TRUE(Start([&](const CallContext&) {
                return fail ? absl::NotFoundError("no") : absl::OkStatus();
              }).ok());
  ASSERT_TRUE(GetUser().ok());
  ASSERT_TRUE(GetUser().ok());
  fail = true;
  ASSERT_TRUE(absl::IsNotFound(GetUser()));
  const std::string page = metrics_->RenderPrometheus();
  const auto count = [&page](const std::string& code) {
    const std::string method = "method=\"scaleout.user.v1.UserService/GetUser\"";
    const std::string name = "rpc_server_call_duration_seconds_count{";
    const bool method_first =
        page.find(name + method + ",code=\"" + code + "\"} ") != std::string::npos;
    const std::string series = method_first ? name + method + ",code=\"" + code + "\"} "
                                            : name + "code=\"" + code + "\"," + method + "} ";
    const std::size_t at = page.find(series);
    return at == std::string::npos ? std::string("absent") : page.substr(at + series.size(), 1);
  };
  EXPECT_EQ(count("OK"), "2");
  EXPECT_EQ(count("NOT_FOUND"), "1");
  EXPECT_THAT(page, HasSubstr("rpc_server_active_calls 0"));
}

}  // namespace
}  // namespace scaleout
