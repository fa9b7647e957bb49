#include "gateway/handlers/payment_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/checksum.h"
#include "common/status.h"
#include "gateway/http/problem.h"
#include "proto/scaleout/payment/v1/payment_limits.h"
#include "tests/support/fake_backends.h"
#include "tests/support/principals.h"
#include "tests/support/refused_fields.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::RefusedFields;
using testing::RunningTask;
using testing::TestRequest;
using ::testing::UnorderedElementsAre;
using Answer = absl::StatusOr<Response>;

constexpr char kGoodBody[] = R"({"orderId":9,"paymentMethodToken":"tok_success"})";

// Of the order 9 of the user 7.
order::v1::ReservePaymentResponse Reserved() {
  order::v1::ReservePaymentResponse answer;
  order::v1::PaymentReservation& reservation = *answer.mutable_reservation();
  reservation.set_id("0f8fad5b-d9cb-469f-a165-70867728950e");
  reservation.set_order_id(9);
  reservation.set_user_id(7);
  reservation.mutable_amount()->set_amount_minor(3998);
  reservation.mutable_amount()->set_currency_code("EUR");
  return answer;
}

class PaymentHandlersTest : public ::testing::Test {
 protected:
  using Verb = Task<Answer> (PaymentHandlers::*)(RequestContext&, const Request&);

  Answer Ask(Verb verb, const TestRequest& request) {
    RunningTask<Answer> running((handlers_.*verb)(fixture_.context, request));
    return running.value();
  }

  Answer Pay(std::string json) {
    TestRequest request;
    request.Header("Idempotency-Key", "k1").Json(std::move(json));
    return Ask(&PaymentHandlers::Create, request);
  }

  testing::RequestFixture fixture_;
  testing::FakePaymentBackend backend_;
  testing::FakeOrderBackend orders_;
  PaymentHandlers handlers_{backend_, orders_};
};

TEST_F(PaymentHandlersTest, ReservesTheOrderThenChargesWhatTheReservationSays) {
  orders_.reserve_payment.Answers(Reserved());
  payment::v1::CreatePaymentResponse created;
  created.mutable_payment()->set_id(5);
  created.mutable_payment()->set_status(payment::v1::PAYMENT_STATUS_CAPTURED);
  backend_.create_payment.Answers(created);
  const Answer answer = Pay(kGoodBody);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 201);
  EXPECT_THAT(answer->body, HasSubstr(R"("status":"CAPTURED")"));
  EXPECT_THAT(answer->headers, ::testing::ElementsAre(Pair("Location", "/api/payments/5")));
  const order::v1::ReservePaymentRequest& reserve = orders_.reserve_payment.asked().at(0);
  EXPECT_EQ(reserve.order_id(), 9);
  EXPECT_EQ(reserve.idempotency_key(), "k1");
  EXPECT_FALSE(reserve.has_amount_minor());
  EXPECT_EQ(reserve.currency_code(), "");
  EXPECT_EQ(reserve.user_id(), 0);
  EXPECT_EQ(reserve.payload_checksum(), Checksum({"tok_success"}));
  const payment::v1::CreatePaymentRequest& charge = backend_.create_payment.asked().at(0);
  EXPECT_EQ(charge.reservation_id(), Reserved().reservation().id());
  EXPECT_EQ(charge.order_id(), 9);
  EXPECT_EQ(charge.user_id(), 7);
  EXPECT_EQ(charge.amount().amount_minor(), 3998);
  EXPECT_EQ(charge.amount().currency_code(), "EUR");
  EXPECT_EQ(charge.payment_method_token(), "tok_success");
}

TEST_F(PaymentHandlersTest, WhatElseTheClientSaysIsWhatItExpectsOfTheOrder) {
  orders_.reserve_payment.Answers(absl::NotFoundError("There is no order 9."));
  EXPECT_FALSE(Pay(R"({"orderId":9,"userId":8,"amount":1,"currency":"USD",)"
                   R"("paymentMethodToken":"tok_success"})")
                   .ok());
  const order::v1::ReservePaymentRequest& reserve = orders_.reserve_payment.asked().at(0);
  EXPECT_EQ(reserve.user_id(), 8);
  EXPECT_TRUE(reserve.has_amount_minor());
  EXPECT_EQ(reserve.amount_minor(), 1);
  EXPECT_EQ(reserve.currency_code(), "USD");
}

TEST_F(PaymentHandlersTest, ACustomerNeedNotNameItself) {
  fixture_.context.principal = testing::Customer(8);
  EXPECT_FALSE(Pay(kGoodBody).ok());
  EXPECT_EQ(orders_.reserve_payment.asked().at(0).user_id(), 0);
  EXPECT_EQ(orders_.reserve_payment.asked_by().at(0), testing::Customer(8));
}

TEST_F(PaymentHandlersTest, ChargesNothingWithoutAReservation) {
  const absl::Status refused =
      WithReason(absl::FailedPreconditionError("order 9 is PAID"), "ORDER_ALREADY_PAID");
  orders_.reserve_payment.Answers(refused);
  EXPECT_EQ(Pay(kGoodBody).status(), refused);
  EXPECT_TRUE(backend_.create_payment.asked().empty());
}

TEST_F(PaymentHandlersTest, ReservesNothingThatCannotBeCharged) {
  backend_.refusal = WithReason(absl::UnavailableError("The circuit is open."), "CIRCUIT_OPEN");
  EXPECT_EQ(Pay(kGoodBody).status(), backend_.refusal);
  EXPECT_TRUE(orders_.reserve_payment.asked().empty());
}

TEST_F(PaymentHandlersTest, SaysWhenACreationIsAReplay) {
  orders_.reserve_payment.Answers(Reserved());
  payment::v1::CreatePaymentResponse created;
  created.set_replayed(true);
  backend_.create_payment.Answers(created);
  const Answer answer = Pay(kGoodBody);
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(answer->headers, Contains(Pair("Idempotent-Replayed", "true")));
}

TEST_F(PaymentHandlersTest, ChargesNothingWithoutAKey) {
  TestRequest request;
  request.Json(kGoodBody);
  const absl::Status status = Ask(&PaymentHandlers::Create, request).status();
  EXPECT_EQ(HttpStatusOf(status), 400);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Idempotency-Key"));
  EXPECT_TRUE(orders_.reserve_payment.asked().empty());
}

TEST_F(PaymentHandlersTest, RefusesEveryBadFieldOfAPaymentAtOnce) {
  const auto refused = [this](const char* json) { return RefusedFields(Pay(json).status()); };
  EXPECT_THAT(refused("{}"), UnorderedElementsAre("/orderId", "/paymentMethodToken"));
  EXPECT_THAT(refused(R"({"orderId":0,"userId":-7,"amount":19.99,"currency":"EURO",
                          "paymentMethodToken":"","tip":1})"),
              UnorderedElementsAre("/orderId", "/userId", "/amount", "/currency",
                                   "/paymentMethodToken", "/tip"));
  EXPECT_TRUE(orders_.reserve_payment.asked().empty());
}

TEST_F(PaymentHandlersTest, ChecksEveryFieldAtTheLimitsOfTheContract) {
  orders_.reserve_payment.Answers(absl::NotFoundError("There is no order 9."));
  const auto refused = [this](const std::string& amount, const std::string& currency,
                              const std::string& token) {
    return RefusedFields(Pay(R"({"orderId":9,"userId":7,"amount":)" + amount + R"(,"currency":")" +
                             currency + R"(","paymentMethodToken":")" + token + R"("})")
                             .status());
  };
  const std::string longest(payment::v1::kMaxPaymentMethodTokenCharacters, 't');
  EXPECT_THAT(refused("1", "EUR", "t"), IsEmpty());
  EXPECT_THAT(refused("9007199254740991", "ZZZ", longest), IsEmpty());
  EXPECT_EQ(orders_.reserve_payment.asked().size(), 2U);
  EXPECT_THAT(refused("0", "eur", longest + "t"),
              UnorderedElementsAre("/amount", "/currency", "/paymentMethodToken"));
  EXPECT_THAT(refused("9007199254740992", "E1R", "tok\\n"),
              UnorderedElementsAre("/amount", "/currency", "/paymentMethodToken"));
  EXPECT_EQ(orders_.reserve_payment.asked().size(), 2U);
}

TEST_F(PaymentHandlersTest, ListsTheMissingKeyBesideTheFields) {
  TestRequest request;
  request.Json(R"({"orderId":9,"userId":7,"amount":1,"currency":"eur","paymentMethodToken":"t"})");
  const absl::Status status = Ask(&PaymentHandlers::Create, request).status();
  EXPECT_EQ(HttpStatusOf(status), 422);
  EXPECT_THAT(RefusedFields(status), ElementsAre("/currency", "/headers/Idempotency-Key"));
  EXPECT_TRUE(orders_.reserve_payment.asked().empty());
}

TEST_F(PaymentHandlersTest, ListsPaymentsOfAUserAndAnOrder) {
  payment::v1::ListPaymentsResponse page;
  page.add_payments()->set_id(5);
  backend_.list_payments.Answers(page);
  TestRequest request;
  request.Query("user_id", "7").Query("order_id", "9");
  const Answer answer = Ask(&PaymentHandlers::List, request);
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(answer->body, HasSubstr(R"({"items":[{"id":5,)"));
  EXPECT_EQ(backend_.list_payments.asked().at(0).user_id(), 7);
  EXPECT_EQ(backend_.list_payments.asked().at(0).order_id(), 9);
}

TEST_F(PaymentHandlersTest, ACustomersListIsItsOwnUnlessItNamesAUser) {
  fixture_.context.principal = testing::Customer(8);
  backend_.list_payments.Answers(payment::v1::ListPaymentsResponse());
  TestRequest all;
  TestRequest of_seven;
  of_seven.Query("user_id", "7");
  EXPECT_TRUE(Ask(&PaymentHandlers::List, all).ok());
  EXPECT_TRUE(Ask(&PaymentHandlers::List, of_seven).ok());
  EXPECT_EQ(backend_.list_payments.asked().at(0).user_id(), 8);
  EXPECT_EQ(backend_.list_payments.asked().at(1).user_id(), 7);
}

TEST_F(PaymentHandlersTest, GetsAPayment) {
  payment::v1::GetPaymentResponse found;
  found.mutable_payment()->set_failure_reason("card_declined");
  backend_.get_payment.Answers(found);
  TestRequest request;
  request.Path("id", "5");
  EXPECT_THAT(Ask(&PaymentHandlers::Get, request)->body,
              HasSubstr(R"("failureReason":"card_declined")"));
  EXPECT_EQ(backend_.get_payment.asked().at(0).payment_id(), 5);
}

TEST_F(PaymentHandlersTest, NamesTheFieldsThatTheServicesRefuseAsTheClientDoes) {
  orders_.reserve_payment.Answers(CheckFields({{"order_id", "a"},
                                               {"user_id", "b"},
                                               {"amount_minor", "c"},
                                               {"currency_code", "d"},
                                               {"idempotency_key", "e"}}));
  EXPECT_THAT(
      RefusedFields(Pay(kGoodBody).status()),
      ElementsAre("/orderId", "/userId", "/amount", "/currency", "/headers/Idempotency-Key"));
  orders_.reserve_payment.Answers(Reserved());
  backend_.create_payment.Answers(CheckFields({{"payment_method_token", "a"}}));
  EXPECT_THAT(RefusedFields(Pay(kGoodBody).status()), ElementsAre("/paymentMethodToken"));
  backend_.list_payments.Answers(
      CheckFields({{"user_id", "a"}, {"order_id", "b"}, {"page_size", "c"}}));
  backend_.get_payment.Answers(CheckFields({{"payment_id", "a"}}));
  TestRequest request;
  request.Path("id", "5");
  EXPECT_THAT(RefusedFields(Ask(&PaymentHandlers::List, request).status()),
              ElementsAre("/user_id", "/order_id", "/page_size"));
  EXPECT_THAT(RefusedFields(Ask(&PaymentHandlers::Get, request).status()), ElementsAre("/id"));
  EXPECT_THAT(RefusedFields(Ask(&PaymentHandlers::Refund, request).status()), ElementsAre("/id"));
}

TEST_F(PaymentHandlersTest, AsksNothingOfTheBackendsForABadRequest) {
  TestRequest bad;
  bad.Path("id", "x").Query("order_id", "0").Query("y", "").Json(kGoodBody);
  for (const Verb verb : {&PaymentHandlers::List, &PaymentHandlers::Create, &PaymentHandlers::Get,
                          &PaymentHandlers::Refund}) {
    EXPECT_EQ(HttpStatusOf(Ask(verb, bad).status()), 422);
  }
  EXPECT_TRUE(backend_.list_payments.asked().empty());
  EXPECT_TRUE(orders_.reserve_payment.asked().empty());
  EXPECT_TRUE(backend_.get_payment.asked().empty());
}

TEST_F(PaymentHandlersTest, ForwardsTheBackendsErrors) {
  const absl::Status busy = absl::AbortedError("Another request with this key is in progress.");
  orders_.reserve_payment.Answers(Reserved());
  backend_.list_payments.Answers(busy);
  backend_.create_payment.Answers(busy);
  backend_.get_payment.Answers(busy);
  TestRequest request;
  request.Path("id", "5").Header("Idempotency-Key", "k1").Json(kGoodBody);
  for (const Verb verb : {&PaymentHandlers::List, &PaymentHandlers::Create, &PaymentHandlers::Get,
                          &PaymentHandlers::Refund}) {
    EXPECT_EQ(Ask(verb, request).status(), busy);
  }
}

class RefundTest : public PaymentHandlersTest {
 protected:
  // Of the payment 5, of the order 9.
  Answer Refund(payment::v1::PaymentStatus status) {
    payment::v1::GetPaymentResponse found;
    found.mutable_payment()->set_id(5);
    found.mutable_payment()->set_order_id(9);
    found.mutable_payment()->set_status(status);
    found.mutable_payment()->set_reservation_id("0f8fad5b-d9cb-469f-a165-70867728950e");
    backend_.get_payment.Answers(found);
    TestRequest request;
    request.Path("id", "5");
    return Ask(&PaymentHandlers::Refund, request);
  }
};

TEST_F(RefundTest, AsksTheOrderServiceToCallTheOrderOff) {
  orders_.request_refund.Answers(order::v1::RequestRefundResponse());
  const Answer answer = Refund(payment::v1::PAYMENT_STATUS_CAPTURED);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 202);
  EXPECT_THAT(answer->body, HasSubstr(R"({"id":5,"orderId":9,)"));
  EXPECT_THAT(answer->body, HasSubstr(R"("status":"CAPTURED")"));
  EXPECT_EQ(backend_.get_payment.asked().at(0).payment_id(), 5);
  const order::v1::RequestRefundRequest& asked = orders_.request_refund.asked().at(0);
  EXPECT_EQ(asked.order_id(), 9);
  EXPECT_EQ(asked.reservation_id(), "0f8fad5b-d9cb-469f-a165-70867728950e");
}

TEST_F(RefundTest, AnswersWhatIsRefundedAlreadyAndAsksNoFurther) {
  const Answer answer = Refund(payment::v1::PAYMENT_STATUS_REFUNDED);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr(R"("status":"REFUNDED")"));
  EXPECT_TRUE(orders_.request_refund.asked().empty());
}

TEST_F(RefundTest, RefusesWhatHasTakenNothing) {
  for (const payment::v1::PaymentStatus status :
       {payment::v1::PAYMENT_STATUS_FAILED, payment::v1::PAYMENT_STATUS_VOIDED,
        payment::v1::PAYMENT_STATUS_UNSPECIFIED}) {
    const absl::Status refused = Refund(status).status();
    EXPECT_EQ(ReasonOf(refused), "ORDER_NOT_REFUNDABLE");
    EXPECT_EQ(HttpStatusOf(refused), 409);
  }
  EXPECT_TRUE(orders_.request_refund.asked().empty());
}

TEST_F(RefundTest, WhatIsNotDecidedYetIsToBeAskedForAgain) {
  const absl::Status refused = Refund(payment::v1::PAYMENT_STATUS_AUTHORIZED).status();
  const Response problem = RenderProblem(refused, "/api/payments/5/refund", "r");
  EXPECT_EQ(problem.status, 409);
  EXPECT_THAT(problem.body, HasSubstr(R"("type":"/problems/payment-in-progress")"));
  EXPECT_THAT(problem.body, HasSubstr(R"("code":"ABORTED")"));
  EXPECT_THAT(problem.body, HasSubstr(R"("retryAfterMs":1000)"));
  EXPECT_THAT(problem.headers, Contains(Pair("Retry-After", "1")));
  EXPECT_TRUE(orders_.request_refund.asked().empty());
}

TEST_F(RefundTest, AnswersWhatTheOrderServiceRefuses) {
  const absl::Status refused =
      WithReason(absl::FailedPreconditionError("order 9 is FULFILLED"), "ORDER_NOT_REFUNDABLE");
  orders_.request_refund.Answers(refused);
  EXPECT_EQ(Refund(payment::v1::PAYMENT_STATUS_CAPTURED).status(), refused);
}

TEST_F(RefundTest, ReadsThePaymentPastTheCache) {
  bool revalidates = false;
  backend_.GetPayment = [&revalidates](RequestContext& context, payment::v1::GetPaymentRequest)
      -> Task<absl::StatusOr<payment::v1::GetPaymentResponse>> {
    revalidates = context.revalidate;
    context.cache = CacheNote{.result = CacheResult::kMiss};
    co_return absl::NotFoundError("There is no payment 5.");
  };
  TestRequest request;
  request.Path("id", "5");
  EXPECT_EQ(HttpStatusOf(Ask(&PaymentHandlers::Refund, request).status()), 404);
  EXPECT_TRUE(revalidates);
  EXPECT_EQ(fixture_.context.cache.result, CacheResult::kNone) << "it is a write";
}

}  // namespace
}  // namespace scaleout::gateway
