#include "gateway/handlers/payment_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

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

constexpr char kGoodBody[] = R"({"orderId":9,"userId":7,"amount":3998,"currency":"EUR",)"
                             R"("paymentMethodToken":"tok_success"})";

class PaymentHandlersTest : public ::testing::Test {
 protected:
  using Verb = Task<Answer> (PaymentHandlers::*)(RequestContext&, const Request&);

  Answer Ask(Verb verb, const TestRequest& request) {
    RunningTask<Answer> running((handlers_.*verb)(fixture_.context, request));
    return running.value();
  }

  testing::RequestFixture fixture_;
  testing::FakePaymentBackend backend_;
  PaymentHandlers handlers_{backend_};
};

TEST_F(PaymentHandlersTest, CreatesAPaymentAndSaysWhere) {
  payment::v1::CreatePaymentResponse created;
  created.mutable_payment()->set_id(5);
  created.mutable_payment()->set_status(payment::v1::PAYMENT_STATUS_CAPTURED);
  backend_.create_payment.Answers(created);
  TestRequest request;
  request.Header("Idempotency-Key", "k1").Json(kGoodBody);
  const Answer answer = Ask(&PaymentHandlers::Create, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 201);
  EXPECT_THAT(answer->body, HasSubstr(R"("status":"CAPTURED")"));
  EXPECT_THAT(answer->headers, ::testing::ElementsAre(Pair("Location", "/api/payments/5")));
  const payment::v1::CreatePaymentRequest& asked = backend_.create_payment.asked().at(0);
  EXPECT_EQ(asked.order_id(), 9);
  EXPECT_EQ(asked.user_id(), 7);
  EXPECT_EQ(asked.amount().amount_minor(), 3998);
  EXPECT_EQ(asked.amount().currency_code(), "EUR");
  EXPECT_EQ(asked.payment_method_token(), "tok_success");
  EXPECT_EQ(asked.idempotency_key(), "k1");
}

TEST_F(PaymentHandlersTest, SaysWhenACreationIsAReplay) {
  payment::v1::CreatePaymentResponse created;
  created.set_replayed(true);
  backend_.create_payment.Answers(created);
  TestRequest request;
  request.Header("Idempotency-Key", "k1").Json(kGoodBody);
  const Answer answer = Ask(&PaymentHandlers::Create, request);
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(answer->headers, Contains(Pair("Idempotent-Replayed", "true")));
}

TEST_F(PaymentHandlersTest, ChargesNothingWithoutAKey) {
  TestRequest request;
  request.Json(kGoodBody);
  const absl::Status status = Ask(&PaymentHandlers::Create, request).status();
  EXPECT_EQ(HttpStatusOf(status), 400);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Idempotency-Key"));
  EXPECT_TRUE(backend_.create_payment.asked().empty());
}

TEST_F(PaymentHandlersTest, RefusesEveryBadFieldOfAPaymentAtOnce) {
  const auto refused = [this](const char* json) {
    TestRequest request;
    request.Header("Idempotency-Key", "k1").Json(json);
    return RefusedFields(Ask(&PaymentHandlers::Create, request).status());
  };
  EXPECT_THAT(refused("{}"), UnorderedElementsAre("/orderId", "/userId", "/amount", "/currency",
                                                  "/paymentMethodToken"));
  EXPECT_THAT(refused(R"({"orderId":0,"userId":-7,"amount":19.99,"currency":"EURO",
                          "paymentMethodToken":"","tip":1})"),
              UnorderedElementsAre("/orderId", "/userId", "/amount", "/currency",
                                   "/paymentMethodToken", "/tip"));
  EXPECT_TRUE(backend_.create_payment.asked().empty());
}

TEST_F(PaymentHandlersTest, ChecksEveryFieldAtTheLimitsOfTheContract) {
  backend_.create_payment.Answers(payment::v1::CreatePaymentResponse());
  const auto refused = [this](const std::string& amount, const std::string& currency,
                              const std::string& token) {
    TestRequest request;
    request.Header("Idempotency-Key", "k1")
        .Json(R"({"orderId":9,"userId":7,"amount":)" + amount + R"(,"currency":")" + currency +
              R"(","paymentMethodToken":")" + token + R"("})");
    return RefusedFields(Ask(&PaymentHandlers::Create, request).status());
  };
  const std::string longest(payment::v1::kMaxPaymentMethodTokenCharacters, 't');
  EXPECT_THAT(refused("1", "EUR", "t"), IsEmpty());
  EXPECT_THAT(refused("9007199254740991", "ZZZ", longest), IsEmpty());
  EXPECT_EQ(backend_.create_payment.asked().size(), 2U);
  EXPECT_THAT(refused("0", "eur", longest + "t"),
              UnorderedElementsAre("/amount", "/currency", "/paymentMethodToken"));
  EXPECT_THAT(refused("9007199254740992", "E1R", "tok\\n"),
              UnorderedElementsAre("/amount", "/currency", "/paymentMethodToken"));
  EXPECT_EQ(backend_.create_payment.asked().size(), 2U);
}

TEST_F(PaymentHandlersTest, ListsTheMissingKeyBesideTheFields) {
  TestRequest request;
  request.Json(R"({"orderId":9,"userId":7,"amount":1,"currency":"eur","paymentMethodToken":"t"})");
  const absl::Status status = Ask(&PaymentHandlers::Create, request).status();
  EXPECT_EQ(HttpStatusOf(status), 422);
  EXPECT_THAT(RefusedFields(status), ElementsAre("/currency", "/headers/Idempotency-Key"));
  EXPECT_TRUE(backend_.create_payment.asked().empty());
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

TEST_F(PaymentHandlersTest, ACustomerIsTheUserUnlessItNamesOne) {
  fixture_.context.principal = testing::Customer(8);
  backend_.create_payment.Answers(payment::v1::CreatePaymentResponse());
  backend_.list_payments.Answers(payment::v1::ListPaymentsResponse());
  TestRequest own;
  own.Header("Idempotency-Key", "k1")
      .Json(R"({"orderId":9,"amount":1,"currency":"EUR","paymentMethodToken":"t"})");
  EXPECT_TRUE(Ask(&PaymentHandlers::Create, own).ok());
  EXPECT_EQ(backend_.create_payment.asked().at(0).user_id(), 8);
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

TEST_F(PaymentHandlersTest, NamesTheFieldsThatTheServiceRefusesAsTheClientDoes) {
  backend_.create_payment.Answers(CheckFields({{"order_id", "a"},
                                               {"amount.amount_minor", "b"},
                                               {"amount.currency_code", "c"},
                                               {"payment_method_token", "d"},
                                               {"idempotency_key", "e"}}));
  backend_.list_payments.Answers(
      CheckFields({{"user_id", "a"}, {"order_id", "b"}, {"page_size", "c"}}));
  backend_.get_payment.Answers(CheckFields({{"payment_id", "a"}}));
  TestRequest request;
  request.Path("id", "5").Header("Idempotency-Key", "k1").Json(kGoodBody);
  EXPECT_THAT(RefusedFields(Ask(&PaymentHandlers::Create, request).status()),
              ElementsAre("/orderId", "/amount", "/currency", "/paymentMethodToken",
                          "/headers/Idempotency-Key"));
  EXPECT_THAT(RefusedFields(Ask(&PaymentHandlers::List, request).status()),
              ElementsAre("/user_id", "/order_id", "/page_size"));
  EXPECT_THAT(RefusedFields(Ask(&PaymentHandlers::Get, request).status()), ElementsAre("/id"));
}

TEST_F(PaymentHandlersTest, AsksNothingOfTheBackendForABadRequest) {
  TestRequest bad;
  bad.Path("id", "x").Query("order_id", "0").Query("y", "").Json(kGoodBody);
  for (const Verb verb :
       {&PaymentHandlers::List, &PaymentHandlers::Create, &PaymentHandlers::Get}) {
    EXPECT_EQ(HttpStatusOf(Ask(verb, bad).status()), 422);
  }
  EXPECT_TRUE(backend_.list_payments.asked().empty());
  EXPECT_TRUE(backend_.create_payment.asked().empty());
  EXPECT_TRUE(backend_.get_payment.asked().empty());
}

TEST_F(PaymentHandlersTest, ForwardsTheBackendsErrors) {
  const absl::Status busy = absl::AbortedError("Another request with this key is in progress.");
  backend_.list_payments.Answers(busy);
  backend_.create_payment.Answers(busy);
  backend_.get_payment.Answers(busy);
  TestRequest request;
  request.Path("id", "5").Header("Idempotency-Key", "k1").Json(kGoodBody);
  for (const Verb verb :
       {&PaymentHandlers::List, &PaymentHandlers::Create, &PaymentHandlers::Get}) {
    EXPECT_EQ(Ask(verb, request).status(), busy);
  }
}

}  // namespace
}  // namespace scaleout::gateway
