// The RPCs around an order's payment: its reservation, its cancellation, its refund.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "common/status.h"
#include "tests/services/order/order_service_fixture.h"
#include "tests/support/principals.h"
#include "tests/support/refused_fields.h"

namespace scaleout::order {
namespace {

using scaleout::testing::Admin;
using scaleout::testing::By;
using scaleout::testing::ByLab;
using scaleout::testing::Customer;
using scaleout::testing::RefusedFields;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class OrderServicePaymentsTest : public OrderServiceFixture {
 protected:
  static v1::ReservePaymentRequest Reserve(const std::string& key = "key") {
    v1::ReservePaymentRequest request;
    request.set_order_id(5);
    request.set_idempotency_key(key);
    return request;
  }

  static v1::RequestRefundRequest Refund(const std::string& reservation_id = kReservationId) {
    v1::RequestRefundRequest request;
    request.set_order_id(1);
    request.set_reservation_id(reservation_id);
    return request;
  }

  v1::ReservePaymentResponse reserved_;
  v1::RequestRefundResponse refunded_;
  v1::CancelOrderResponse cancelled_;
};

TEST_F(OrderServicePaymentsTest, AnswersTheReservationWithTheOrdersUserAndTotal) {
  ASSERT_TRUE(service_.ReservePayment(call_, ByLab(Reserve()), reserved_).ok());
  EXPECT_EQ(reserved_.reservation().id(), kReservationId);
  EXPECT_EQ(reserved_.reservation().order_id(), 5);
  EXPECT_EQ(reserved_.reservation().user_id(), 7);
  EXPECT_EQ(reserved_.reservation().amount().amount_minor(), 3998);
  EXPECT_EQ(reserved_.reservation().amount().currency_code(), "EUR");
}

TEST_F(OrderServicePaymentsTest, ReservesForItsPrincipalAndExpectsNothingThatIsNotGiven) {
  ASSERT_TRUE(service_.ReservePayment(call_, By(Customer(7), Reserve()), reserved_).ok());
  ASSERT_THAT(reservations_.wanted, SizeIs(1));
  const WantedReservation& wanted = reservations_.wanted[0];
  EXPECT_EQ(wanted.order_id, OrderId(5));
  EXPECT_EQ(wanted.principal, "user 7");
  EXPECT_EQ(wanted.idempotency_key, "key");
  EXPECT_TRUE(wanted.owner.Covers(7));
  EXPECT_FALSE(wanted.owner.Covers(8));
  EXPECT_EQ(wanted.expected.amount_minor, std::nullopt);
  EXPECT_EQ(wanted.expected.currency, "");
  EXPECT_EQ(wanted.expected.user_id, std::nullopt);
  ASSERT_TRUE(service_.ReservePayment(call_, ByLab(Reserve()), reserved_).ok());
  EXPECT_EQ(reservations_.wanted[1].principal, "lab");
  EXPECT_TRUE(reservations_.wanted[1].owner.Covers(8));
}

TEST_F(OrderServicePaymentsTest, PassesOnWhatTheClientExpects) {
  v1::ReservePaymentRequest request = Reserve();
  request.set_amount_minor(0);
  request.set_currency_code("USD");
  request.set_user_id(8);
  request.set_payload_checksum(4711);
  ASSERT_TRUE(service_.ReservePayment(call_, ByLab(request), reserved_).ok());
  EXPECT_EQ(reservations_.wanted[0].payload_checksum, 4711u);
  const ExpectedOrder& expected = reservations_.wanted[0].expected;
  EXPECT_EQ(expected.amount_minor, 0);
  EXPECT_EQ(expected.currency, "USD");
  EXPECT_EQ(expected.user_id, UserId(8));
}

TEST_F(OrderServicePaymentsTest, RefusesEveryFieldOfAReservationThatIsNotOne) {
  v1::ReservePaymentRequest request;
  request.set_user_id(-1);
  EXPECT_THAT(RefusedFields(service_.ReservePayment(call_, ByLab(request), reserved_)),
              ElementsAre("order_id", "idempotency_key", "user_id"));
  EXPECT_THAT(RefusedFields(
                  service_.ReservePayment(call_, ByLab(Reserve(std::string(201, 'k'))), reserved_)),
              ElementsAre("idempotency_key"));
  EXPECT_THAT(reservations_.wanted, IsEmpty());
  EXPECT_TRUE(
      service_.ReservePayment(call_, ByLab(Reserve(std::string(200, 'k'))), reserved_).ok());
}

TEST_F(OrderServicePaymentsTest, ReturnsTheErrorsOfTheReservations) {
  reservations_.failure = absl::UnavailableError("away");
  EXPECT_EQ(service_.ReservePayment(call_, ByLab(Reserve()), reserved_), reservations_.failure);
  EXPECT_FALSE(reserved_.has_reservation());
  orders_.Add(7);
  EXPECT_EQ(service_.RequestRefund(call_, ByLab(Refund()), refunded_), reservations_.failure);
  EXPECT_FALSE(refunded_.has_order());
}

TEST_F(OrderServicePaymentsTest, CancellationCallsTheOrderOff) {
  v1::CancelOrderRequest request;
  request.set_order_id(orders_.Add(7, OrderState::kRefunding).id.value());
  ASSERT_TRUE(service_.CancelOrder(call_, ByLab(request), cancelled_).ok());
  EXPECT_THAT(orders_.called_off, ElementsAre(OrderId(1)));
  EXPECT_EQ(cancelled_.order().status(), v1::ORDER_STATUS_REFUNDING);
  orders_.failure = absl::AbortedError("a payment is in progress");
  EXPECT_EQ(service_.CancelOrder(call_, ByLab(request), cancelled_), orders_.failure);
}

TEST_F(OrderServicePaymentsTest, RefundIsRequestedAndTheOrderAnswered) {
  orders_.Add(7, OrderState::kRefunding);
  ASSERT_TRUE(service_.RequestRefund(call_, By(Admin(9), Refund()), refunded_).ok());
  EXPECT_EQ(refunded_.order().status(), v1::ORDER_STATUS_REFUNDING);
  ASSERT_TRUE(service_.RequestRefund(call_, ByLab(Refund("")), refunded_).ok());
  EXPECT_THAT(reservations_.refunds,
              ElementsAre(Pair(OrderId(1), kReservationId), Pair(OrderId(1), "")));
}

TEST_F(OrderServicePaymentsTest, RefundIsForAdminsAndNamesAReservation) {
  orders_.Add(7);
  EXPECT_TRUE(absl::IsPermissionDenied(
      service_.RequestRefund(call_, By(Customer(7), Refund()), refunded_)));
  v1::RequestRefundRequest request = Refund("F8FAD5B");
  request.set_order_id(0);
  EXPECT_THAT(RefusedFields(service_.RequestRefund(call_, ByLab(request), refunded_)),
              ElementsAre("order_id", "reservation_id"));
  EXPECT_THAT(reservations_.refunds, IsEmpty());
}

}  // namespace
}  // namespace scaleout::order
