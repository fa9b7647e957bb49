#include "services/payment/payment_message.h"

#include <gtest/gtest.h>

#include <chrono>

namespace scaleout::payment {
namespace {

using namespace std::chrono_literals;

TEST(PaymentMessage, HasEveryStatesOwnStatus) {
  for (const PaymentState state : kPaymentStates) {
    Payment payment;
    payment.state = state;
    v1::Payment message;
    ToProto(payment, message);
    EXPECT_EQ(v1::PaymentStatus_Name(message.status()),
              "PAYMENT_STATUS_" + std::string(PaymentStateName(state)));
  }
}

TEST(PaymentMessage, StoredAnswerReadsBackAsItWas) {
  Payment payment;
  payment.id = PaymentId(4711);
  payment.reservation_id = "8f14e45f-ceea-467f-a0e6-0242ac120002";
  payment.order_id = OrderId(3);
  payment.user_id = UserId(7);
  payment.state = PaymentState::kFailed;
  payment.amount = {1999, "EUR"};
  payment.failure_reason = "card_declined";
  payment.created_at = WallTime(1'700'000'000'123'456us);
  payment.updated_at = WallTime(1'700'000'001s);
  v1::CreatePaymentResponse response;
  ASSERT_TRUE(ParseAnswer(ToAnswer(payment), response).ok());
  v1::Payment message;
  ToProto(payment, message);
  EXPECT_EQ(response.payment().SerializeAsString(), message.SerializeAsString());
  EXPECT_FALSE(response.replayed());
}

TEST(PaymentMessage, AnswerThatIsNoneIsInternal) {
  v1::CreatePaymentResponse response;
  EXPECT_TRUE(absl::IsInternal(ParseAnswer("", response)));
  EXPECT_TRUE(absl::IsInternal(ParseAnswer(R"({"payment":7})", response)));
}

}  // namespace
}  // namespace scaleout::payment
