#include "services/order/payment_settlements.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "common/deadline.h"
#include "scaleout/payment/v1/payment.grpc.pb.h"
#include "tests/support/rpc_server.h"
#include "tests/support/socket_path.h"

namespace scaleout::order {
namespace {

using namespace std::chrono_literals;

const OverdueReservation kOverdue = {"0f8fad5b-d9cb-469f-a165-70867728950e", OrderId(5)};

// Answers what the test says.
class PaymentStub final : public payment::v1::PaymentService::Service {
 public:
  grpc::Status SettleReservation(grpc::ServerContext*,
                                 const payment::v1::SettleReservationRequest* request,
                                 payment::v1::SettleReservationResponse* response) override {
    asked = request->reservation_id();
    *response = answer;
    return status;
  }

  payment::v1::SettleReservationResponse answer;
  grpc::Status status;
  std::string asked;
};

class PaymentSettlementsTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::optional<Charge>> Ask(Duration limit = 20s) {
    CallContext call;
    call.deadline = Deadline::In(limit, SystemClock());
    return settlements_->Settle(call, kOverdue);
  }

  absl::StatusOr<std::optional<Charge>> AskFor(payment::v1::ReservationOutcome outcome) {
    stub_.answer.set_outcome(outcome);
    return Ask();
  }

  const scaleout::testing::SocketPath socket_;
  PaymentStub stub_;
  scaleout::testing::RpcServer server_{socket_.target(), {&stub_}};
  const std::unique_ptr<PaymentSettlements> settlements_ = MakePaymentSettlements(socket_.target());
};

TEST_F(PaymentSettlementsTest, CaptureIsAChargeOfItsAmount) {
  stub_.answer.mutable_amount()->set_amount_minor(1999);
  stub_.answer.mutable_amount()->set_currency_code("EUR");
  const auto charge = AskFor(payment::v1::RESERVATION_OUTCOME_CAPTURED);
  ASSERT_TRUE(charge.ok()) << charge.status();
  ASSERT_TRUE(*charge);
  EXPECT_EQ((*charge)->order_id, OrderId(5));
  EXPECT_EQ((*charge)->reservation_id, kOverdue.id);
  EXPECT_EQ((*charge)->captured, (Money{1999, "EUR"}));
  EXPECT_EQ(stub_.asked, kOverdue.id);
}

TEST_F(PaymentSettlementsTest, FailureIsAChargeThatTookNothing) {
  const auto charge = AskFor(payment::v1::RESERVATION_OUTCOME_FAILED);
  ASSERT_TRUE(charge.ok()) << charge.status();
  ASSERT_TRUE(*charge);
  EXPECT_EQ((*charge)->reservation_id, kOverdue.id);
  EXPECT_EQ((*charge)->captured, std::nullopt);
}

TEST_F(PaymentSettlementsTest, UndecidedIsNoCharge) {
  const auto charge = AskFor(payment::v1::RESERVATION_OUTCOME_UNDECIDED);
  ASSERT_TRUE(charge.ok()) << charge.status();
  EXPECT_FALSE(*charge);
}

TEST_F(PaymentSettlementsTest, OutcomeThatIsNotKnownHereDecidesNothing) {
  EXPECT_TRUE(absl::IsInternal(AskFor(payment::v1::RESERVATION_OUTCOME_UNSPECIFIED).status()));
  EXPECT_TRUE(absl::IsInternal(AskFor(static_cast<payment::v1::ReservationOutcome>(99)).status()));
}

TEST_F(PaymentSettlementsTest, ErrorOfThePaymentServiceDecidesNothing) {
  stub_.status = grpc::Status(grpc::StatusCode::UNAVAILABLE, "the database cannot be reached");
  EXPECT_TRUE(absl::IsUnavailable(AskFor(payment::v1::RESERVATION_OUTCOME_FAILED).status()));
}

TEST_F(PaymentSettlementsTest, PaymentServiceThatIsAwayIsUnavailable) {
  server_.Kill();
  EXPECT_TRUE(absl::IsUnavailable(Ask().status()));
}

TEST(PaymentSettlements, PaymentServiceThatDoesNotAnswerTakesNoLongerThanTheCall) {
  const scaleout::testing::SocketPath socket;
  const scaleout::testing::SilentServer silent(socket.path());
  CallContext call;
  call.deadline = Deadline::In(50ms, SystemClock());
  const auto charge = MakePaymentSettlements(socket.target())->Settle(call, kOverdue);
  EXPECT_TRUE(absl::IsDeadlineExceeded(charge.status())) << charge.status();
}

}  // namespace
}  // namespace scaleout::order
