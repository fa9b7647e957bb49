#include "services/payment/payment_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/services/payment/fake_charges.h"
#include "tests/services/payment/fake_payments.h"
#include "tests/services/payment/fake_provider.h"
#include "tests/support/fake_clock.h"
#include "tests/support/principals.h"
#include "tests/support/refused_fields.h"

namespace scaleout::payment {
namespace {

using scaleout::testing::By;
using scaleout::testing::ByLab;
using scaleout::testing::Customer;
using scaleout::testing::RefusedFields;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PaymentServiceTest : public ::testing::Test {
 protected:
  scaleout::testing::FakeClock clock_;
  FakePayments payments_;
  FakeCharges charges_;
  FakeProvider provider_;
  TokenBulkhead bulkhead_{1};
  PaymentService service_{payments_, charges_, provider_, bulkhead_, clock_};
  CallContext call_;
};

TEST_F(PaymentServiceTest, ReadsAPaymentAndRefusesAnIdThatIsNone) {
  v1::GetPaymentRequest request;
  request.set_payment_id(payments_.Add(7, 3).id.value());
  v1::GetPaymentResponse response;
  ASSERT_TRUE(service_.GetPayment(call_, ByLab(request), response).ok());
  EXPECT_EQ(response.payment().status(), v1::PAYMENT_STATUS_CAPTURED);
  request.clear_payment_id();
  EXPECT_THAT(RefusedFields(service_.GetPayment(call_, ByLab(request), response)),
              ElementsAre("payment_id"));
}

TEST_F(PaymentServiceTest, PagesThroughAFilteredListAndRefusesItsTokenForAnotherFilter) {
  for (int i = 0; i < 3; ++i) payments_.Add(7, 3);
  payments_.Add(7, 4);
  v1::ListPaymentsRequest request;
  request.set_user_id(7);
  request.set_order_id(3);
  request.set_page_size(2);
  v1::ListPaymentsResponse first;
  ASSERT_TRUE(service_.ListPayments(call_, ByLab(request), first).ok());
  EXPECT_EQ(first.payments_size(), 2);
  request.set_page_token(first.next_page_token());
  v1::ListPaymentsResponse second;
  ASSERT_TRUE(service_.ListPayments(call_, ByLab(request), second).ok());
  EXPECT_EQ(second.payments_size(), 1);
  EXPECT_THAT(second.next_page_token(), IsEmpty());
  request.clear_order_id();
  EXPECT_THAT(RefusedFields(service_.ListPayments(call_, ByLab(request), second)),
              ElementsAre("page_token"));
  request.clear_page_token();
  request.set_user_id(-7);
  request.set_order_id(-3);
  EXPECT_THAT(RefusedFields(service_.ListPayments(call_, ByLab(request), second)),
              ElementsAre("user_id", "order_id"));
}

TEST_F(PaymentServiceTest, AnswersABatchInTheOrderOfItsKeysWithOneCall) {
  for (int i = 0; i < 3; ++i) payments_.Add(7, i + 1);
  v1::BatchListPaymentsRequest request;
  for (const int id : {9, 7, 9, 7}) request.add_keys()->set_user_id(id);
  request.set_page_size(2);
  v1::BatchListPaymentsResponse response;
  ASSERT_TRUE(service_.BatchListPayments(call_, ByLab(request), response).ok());
  EXPECT_EQ(payments_.batches, 1);
  ASSERT_EQ(response.entries_size(), 4);
  EXPECT_EQ(response.entries(2).payment_list().payments_size(), 0);
  EXPECT_EQ(response.entries(3).payment_list().payments_size(), 2);
  EXPECT_TRUE(response.entries(0).has_payment_list());
  EXPECT_EQ(response.entries(0).payment_list().payments_size(), 0);
  EXPECT_EQ(response.entries(1).payment_list().payments_size(), 2);
  // Its token continues in ListPayments of that user.
  v1::ListPaymentsRequest rest;
  rest.set_user_id(7);
  rest.set_page_token(response.entries(1).payment_list().next_page_token());
  v1::ListPaymentsResponse listed;
  ASSERT_TRUE(service_.ListPayments(call_, ByLab(rest), listed).ok());
  EXPECT_EQ(listed.payments_size(), 1);
  request.add_keys()->set_user_id(0);
  EXPECT_THAT(RefusedFields(service_.BatchListPayments(call_, ByLab(request), response)),
              ElementsAre("keys[4].user_id"));
}

TEST_F(PaymentServiceTest, AnswersABatchOfPaymentsWithAnErrorForEachAbsentOne) {
  for (int i = 0; i < 3; ++i) payments_.Add(7, i + 1);
  v1::BatchGetPaymentsRequest request;
  for (const int id : {3, 9, 1, 3}) request.add_keys()->set_payment_id(id);
  v1::BatchGetPaymentsResponse response;
  ASSERT_TRUE(service_.BatchGetPayments(call_, ByLab(request), response).ok());
  EXPECT_EQ(payments_.batches, 1);
  ASSERT_EQ(response.entries_size(), 4);
  EXPECT_EQ(response.entries(0).payment().id(), 3);
  EXPECT_EQ(response.entries(1).error().code(), static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_EQ(response.entries(1).error().message(), "there is no payment 9");
  EXPECT_EQ(response.entries(2).payment().order_id(), 1);
  EXPECT_EQ(response.entries(3).payment().id(), 3);
  request.add_keys();
  EXPECT_THAT(RefusedFields(service_.BatchGetPayments(call_, ByLab(request), response)),
              ElementsAre("keys[4].payment_id"));
}

TEST_F(PaymentServiceTest, RefusesEveryReadWithoutAPrincipal) {
  v1::GetPaymentResponse got;
  EXPECT_TRUE(absl::IsUnauthenticated(service_.GetPayment(call_, v1::GetPaymentRequest(), got)));
  v1::ListPaymentsResponse listed;
  EXPECT_TRUE(
      absl::IsUnauthenticated(service_.ListPayments(call_, v1::ListPaymentsRequest(), listed)));
}

TEST_F(PaymentServiceTest, ACustomerFindsItsOwnPaymentsOnly) {
  payments_.Add(7, 3);
  v1::GetPaymentRequest request;
  request.set_payment_id(1);
  v1::GetPaymentResponse response;
  EXPECT_TRUE(service_.GetPayment(call_, By(Customer(7), request), response).ok());
  EXPECT_EQ(service_.GetPayment(call_, By(Customer(8), request), response),
            absl::NotFoundError("there is no payment 1"));
}

TEST_F(PaymentServiceTest, ACustomersListIsItsOwn) {
  for (const int user : {7, 8, 7}) payments_.Add(user, 3);
  v1::ListPaymentsRequest request;
  request.set_page_size(1);
  v1::ListPaymentsResponse response;
  ASSERT_TRUE(service_.ListPayments(call_, By(Customer(8), request), response).ok());
  EXPECT_EQ(response.payments_size(), 1);
  EXPECT_THAT(response.next_page_token(), IsEmpty());
  v1::ListPaymentsResponse of_seven;
  ASSERT_TRUE(service_.ListPayments(call_, By(Customer(7), request), of_seven).ok());
  // The token is of that user's list, however it was asked for.
  request.set_page_token(of_seven.next_page_token());
  EXPECT_THAT(RefusedFields(service_.ListPayments(call_, By(Customer(8), request), response)),
              ElementsAre("page_token"));
  EXPECT_THAT(RefusedFields(service_.ListPayments(call_, ByLab(request), response)),
              ElementsAre("page_token"));
  request.set_user_id(7);
  EXPECT_TRUE(service_.ListPayments(call_, ByLab(request), response).ok());
  EXPECT_EQ(service_.ListPayments(call_, By(Customer(7), request), response), absl::OkStatus());
  request.clear_page_token();
  EXPECT_EQ(service_.ListPayments(call_, By(Customer(8), request), response),
            absl::NotFoundError("there is no user 7"));
}

TEST_F(PaymentServiceTest, AnswersEachKeyOfABatchForItsPrincipal) {
  payments_.Add(7, 3);
  v1::BatchGetPaymentsRequest payments;
  v1::BatchListPaymentsRequest lists;
  for (const Principal& reader : {Customer(8), Customer(7), kLabPrincipal, Principal{}}) {
    payments.add_keys()->set_payment_id(1);
    ToProto(reader, *payments.mutable_keys()->rbegin()->mutable_principal());
    lists.add_keys()->set_user_id(7);
    ToProto(reader, *lists.mutable_keys()->rbegin()->mutable_principal());
  }
  v1::BatchGetPaymentsResponse read;
  ASSERT_TRUE(service_.BatchGetPayments(call_, payments, read).ok());
  EXPECT_EQ(read.entries(0).error().message(), "there is no payment 1");
  EXPECT_TRUE(read.entries(1).has_payment());
  EXPECT_TRUE(read.entries(2).has_payment());
  EXPECT_EQ(read.entries(3).error().code(), static_cast<int>(absl::StatusCode::kUnauthenticated));
  v1::BatchListPaymentsResponse listed;
  ASSERT_TRUE(service_.BatchListPayments(call_, lists, listed).ok());
  EXPECT_EQ(listed.entries(0).error().message(), "there is no user 7");
  EXPECT_EQ(listed.entries(1).payment_list().payments_size(), 1);
  EXPECT_EQ(listed.entries(2).payment_list().payments_size(), 1);
  EXPECT_EQ(listed.entries(3).error().code(), static_cast<int>(absl::StatusCode::kUnauthenticated));
}

}  // namespace
}  // namespace scaleout::payment
