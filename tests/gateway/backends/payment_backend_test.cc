// Charges and reads of payments have a guard each: what one of them meets does not touch the other.
#include "gateway/backends/payment_backend.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/status.h"
#include "gateway/backends/backends.h"
#include "scaleout/payment/v1/payment.grpc.pb.h"
#include "tests/support/fake_logger.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/request_fixture.h"
#include "tests/support/rpc_server.h"
#include "tests/support/running_task.h"
#include "tests/support/socket_path.h"

namespace scaleout::gateway {
namespace {

constexpr int kMinimumCalls = 5;

class Payments final : public payment::v1::PaymentService::Service {
 public:
  grpc::Status CreatePayment(grpc::ServerContext*, const payment::v1::CreatePaymentRequest*,
                             payment::v1::CreatePaymentResponse*) override {
    return charge();
  }
  grpc::Status GetPayment(grpc::ServerContext*, const payment::v1::GetPaymentRequest*,
                          payment::v1::GetPaymentResponse*) override {
    return read();
  }

  // What becomes of each. Set while none is under way.
  std::function<grpc::Status()> charge = [] { return grpc::Status::OK; };
  std::function<grpc::Status()> read = [] { return grpc::Status::OK; };
};

class PaymentBackendTest : public ::testing::Test {
 protected:
  PaymentBackendTest() {
    fixture_.context.deadline = fixture_.clock.Now() + std::chrono::hours(1);
    EXPECT_TRUE(backends_.WaitUntilConnected(std::chrono::seconds(10)));
  }
  ~PaymentBackendTest() override { backends_.WaitForCallbacks(); }

  template <typename Request, typename Response>
  absl::Status Ask(const Verb<Request, Response>& verb) {
    testing::RunningTask<absl::StatusOr<Response>> running(verb(fixture_.context, Request()));
    EXPECT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
    return running.value().status();
  }
  absl::Status Charge() { return Ask(payments_.CreatePayment); }
  absl::Status Read() { return Ask(payments_.GetPayment); }

  Payments service_;
  testing::SocketPath path_;
  testing::RpcServer server_{path_.target(), {&service_}};
  testing::RequestFixture fixture_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  testing::FakeLogger logger_;
  testing::GuardFixture guards_{fixture_.clock, *metrics_, logger_};
  Backends backends_ = [this] {
    guards_.config.breaker.minimum_calls = kMinimumCalls;
    return MakeBackends({{"payment", path_.target()}}, guards_.parts());
  }();
  BackendGuard& reads_ = backends_.Get("payment").guard;
  BackendGuard& charges_ = AddChargesGuard(backends_, guards_.parts());
  const PaymentBackend payments_ = MakePaymentBackend(backends_.Get("payment"), charges_);
};

TEST_F(PaymentBackendTest, SlowChargesOpenNoBreaker) {
  service_.charge = [this] {
    fixture_.clock.Advance(guards_.config.breaker.slow_call_duration * 2);
    return grpc::Status::OK;
  };
  for (int i = 0; i < 2 * kMinimumCalls; ++i) EXPECT_EQ(Charge(), absl::OkStatus());
  EXPECT_EQ(charges_.breaker().state(), CircuitState::kClosed);
  EXPECT_EQ(charges_.breaker().Snapshot().successful, 2 * kMinimumCalls);
  EXPECT_EQ(reads_.breaker().state(), CircuitState::kClosed);
  EXPECT_EQ(reads_.breaker().Snapshot().counts.slow, 0);
  EXPECT_EQ(Read(), absl::OkStatus());
  EXPECT_EQ(payments_.FindRefusal(fixture_.context), absl::OkStatus());
}

TEST_F(PaymentBackendTest, ChargesThatFailCostNoReads) {
  service_.charge = [] { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "down"); };
  for (int i = 0; i < kMinimumCalls; ++i) EXPECT_EQ(ReasonOf(Charge()), "BACKEND_UNREACHABLE");
  EXPECT_EQ(ReasonOf(Charge()), "CIRCUIT_OPEN");
  const absl::Status outage = payments_.FindRefusal(fixture_.context);
  EXPECT_EQ(ReasonOf(outage), "CIRCUIT_OPEN");
  EXPECT_EQ(MetadataOf(outage).at("backend"), "charges");
  EXPECT_EQ(reads_.breaker().state(), CircuitState::kClosed);
  EXPECT_EQ(Read(), absl::OkStatus());
}

TEST_F(PaymentBackendTest, WhileReadsFailNothingIsToBeCharged) {
  service_.read = [] { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "down"); };
  for (int i = 0; i < kMinimumCalls; ++i) EXPECT_EQ(ReasonOf(Read()), "BACKEND_UNREACHABLE");
  const absl::Status outage = payments_.FindRefusal(fixture_.context);
  EXPECT_EQ(ReasonOf(outage), "CIRCUIT_OPEN");
  EXPECT_EQ(MetadataOf(outage).at("backend"), "payment");
  EXPECT_EQ(charges_.breaker().state(), CircuitState::kClosed);
  EXPECT_EQ(Charge(), absl::OkStatus()) << "one that is under way is finished";
}

TEST_F(PaymentBackendTest, NothingIsToBeChargedWithTooLittleTime) {
  fixture_.context.deadline = fixture_.clock.Now() + kLeastPaymentTime;
  EXPECT_EQ(payments_.FindRefusal(fixture_.context), absl::OkStatus());
  fixture_.clock.Advance(std::chrono::milliseconds(1));
  const absl::Status refusal = payments_.FindRefusal(fixture_.context);
  EXPECT_EQ(refusal.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ReasonOf(refusal), "DEADLINE_EXCEEDED");
  EXPECT_EQ(MetadataOf(refusal).at("backend"), "charges");
}

TEST_F(PaymentBackendTest, FaultsOfOneAreNotTheOthers) {
  charges_.SetFaults({.error_percent = 100, .error = absl::StatusCode::kUnavailable});
  EXPECT_FALSE(Charge().ok());
  EXPECT_EQ(Read(), absl::OkStatus());
  charges_.SetFaults({});
  reads_.SetFaults({.error_percent = 100, .error = absl::StatusCode::kUnavailable});
  EXPECT_EQ(Charge(), absl::OkStatus());
  EXPECT_FALSE(Read().ok());
}

TEST_F(PaymentBackendTest, ChargesThatWaitTakeNoPlacesOfReads) {
  std::vector<BulkheadPermit> waiting;
  while (std::optional<BulkheadPermit> permit = charges_.bulkhead().TryAcquire()) {
    waiting.push_back(*std::move(permit));
  }
  EXPECT_EQ(ReasonOf(Charge()), "BULKHEAD_FULL");
  EXPECT_EQ(ReasonOf(payments_.FindRefusal(fixture_.context)), "BULKHEAD_FULL");
  EXPECT_EQ(Read(), absl::OkStatus());
  waiting.clear();
  EXPECT_EQ(payments_.FindRefusal(fixture_.context), absl::OkStatus());
  EXPECT_EQ(Charge(), absl::OkStatus());
}

}  // namespace
}  // namespace scaleout::gateway
