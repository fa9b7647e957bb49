#include "services/payment/payment_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/scaleout/payment/v1/payment_limits.h"
#include "tests/services/payment/fake_payments.h"
#include "tests/support/fake_clock.h"
#include "tests/support/principals.h"
#include "tests/support/refused_fields.h"

namespace scaleout::payment {
namespace {

using namespace std::chrono_literals;
using scaleout::testing::By;
using scaleout::testing::ByLab;
using scaleout::testing::Customer;
using scaleout::testing::RefusedFields;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FakeProvider final : public PaymentProvider {
 public:
  absl::StatusOr<ChargeAnswer> Charge(const CallContext&, const ChargeRequest& request) override {
    asked.push_back(request);
    return answer;
  }

  absl::StatusOr<ChargeAnswer> answer = ChargeAnswer{true, "sim_1", ""};
  std::vector<ChargeRequest> asked;
};

class PaymentServiceTest : public ::testing::Test {
 protected:
  PaymentServiceTest() {
    request_.set_order_id(3);
    request_.set_user_id(7);
    request_.mutable_amount()->set_amount_minor(1999);
    request_.mutable_amount()->set_currency_code("EUR");
    request_.set_payment_method_token("tok_success");
    request_.set_idempotency_key("key");
  }

  absl::Status Create(const Principal& principal = kLabPrincipal) {
    return service_.CreatePayment(call_, By(principal, request_), response_);
  }

  scaleout::testing::FakeClock clock_;
  FakePayments payments_;
  FakeProvider provider_;
  PaymentService service_{payments_, provider_, 5s, clock_};
  CallContext call_;
  v1::CreatePaymentRequest request_;
  v1::CreatePaymentResponse response_;
};

TEST_F(PaymentServiceTest, ChargesUnderTheAttemptsReferenceAndRecordsTheAnswer) {
  ASSERT_TRUE(Create().ok());
  ASSERT_EQ(provider_.asked.size(), 1u);
  EXPECT_EQ(provider_.asked[0].reference, "ref-1");
  EXPECT_EQ(provider_.asked[0].amount.amount_minor, 1999);
  EXPECT_EQ(provider_.asked[0].payment_method_token, "tok_success");
  EXPECT_THAT(payments_.log, ElementsAre("begin", "finish lease-1"));
  EXPECT_EQ(payments_.lease, 5s);
  EXPECT_EQ(response_.payment().status(), v1::PAYMENT_STATUS_CAPTURED);
  EXPECT_EQ(response_.payment().provider_reference(), "sim_1");
  EXPECT_EQ(response_.payment().amount().currency_code(), "EUR");
  EXPECT_FALSE(response_.replayed());
}

TEST_F(PaymentServiceTest, AnswersAnEarlierPaymentWithoutAskingTheProvider) {
  payments_.earlier = payments_.Add(7, 3);
  ASSERT_TRUE(Create().ok());
  EXPECT_TRUE(response_.replayed());
  EXPECT_TRUE(provider_.asked.empty());
  EXPECT_THAT(payments_.log, ElementsAre("begin"));
}

TEST_F(PaymentServiceTest, DoesNotAskTheProviderWithoutALease) {
  payments_.begin_failure = absl::AbortedError("in progress");
  EXPECT_TRUE(absl::IsAborted(Create()));
  EXPECT_TRUE(provider_.asked.empty());
}

TEST_F(PaymentServiceTest, RecordsARefusedChargeAsAFailedPayment) {
  provider_.answer = ChargeAnswer{false, "sim_1", "card_declined"};
  ASSERT_TRUE(Create().ok());
  EXPECT_EQ(response_.payment().status(), v1::PAYMENT_STATUS_FAILED);
  EXPECT_EQ(response_.payment().failure_reason(), "card_declined");
  EXPECT_THAT(response_.payment().provider_reference(), IsEmpty());
}

TEST_F(PaymentServiceTest, ReleasesTheLeaseWhenTheOutcomeIsUnknown) {
  provider_.answer = absl::UnavailableError("no answer");
  const absl::Status status = Create();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(ReasonOf(status), "PAYMENT_OUTCOME_UNKNOWN");
  EXPECT_THAT(payments_.log, ElementsAre("begin", "release lease-1"));
  payments_.release_failure = absl::UnavailableError("the database is unreachable");
  EXPECT_EQ(ReasonOf(Create()), "PAYMENT_OUTCOME_UNKNOWN");
}

TEST_F(PaymentServiceTest, RecordsTheChargeEvenIfTheClientHasCancelled) {
  call_.deadline = Deadline::In(1ms, clock_);
  call_.is_cancelled = [] { return true; };
  call_.request_id = "req-1";
  call_.trace_id = "trace-1";
  ASSERT_TRUE(Create().ok());
  EXPECT_EQ(payments_.recording.deadline.Remaining(clock_), Duration(kRecordLimit));
  EXPECT_FALSE(payments_.recording.is_cancelled);
  EXPECT_EQ(payments_.recording.request_id, "req-1");
  EXPECT_EQ(payments_.recording.trace_id, "trace-1");
}

TEST_F(PaymentServiceTest, ReleasesTheLeaseEvenIfTheClientHasCancelled) {
  provider_.answer = absl::UnavailableError("no answer");
  call_.deadline = Deadline::In(1ms, clock_);
  call_.is_cancelled = [] { return true; };
  EXPECT_EQ(ReasonOf(Create()), "PAYMENT_OUTCOME_UNKNOWN");
  EXPECT_EQ(payments_.recording.deadline.Remaining(clock_), Duration(kRecordLimit));
  EXPECT_FALSE(payments_.recording.is_cancelled);
}

TEST_F(PaymentServiceTest, ReturnsTheErrorIfTheAnswerCannotBeRecorded) {
  payments_.finish_failure = absl::AbortedError("the lease was lost");
  EXPECT_TRUE(absl::IsAborted(Create()));
  // No release: another call may have the lease.
  EXPECT_THAT(payments_.log, ElementsAre("begin", "finish lease-1"));
}

TEST_F(PaymentServiceTest, ListsEveryRefusedFieldAtOnce) {
  request_.Clear();
  EXPECT_THAT(RefusedFields(Create()),
              ElementsAre("order_id", "user_id", "amount.amount_minor", "amount.currency_code",
                          "payment_method_token", "idempotency_key"));
  EXPECT_TRUE(payments_.log.empty());
}

TEST_F(PaymentServiceTest, ChecksAmountAndCurrency) {
  for (const std::int64_t amount : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 53}) {
    request_.mutable_amount()->set_amount_minor(amount);
    EXPECT_THAT(RefusedFields(Create()), ElementsAre("amount.amount_minor")) << amount;
  }
  request_.mutable_amount()->set_amount_minor(1);
  for (const char* currency : {"", "EU", "eur", "EURO", "E1R"}) {
    request_.mutable_amount()->set_currency_code(currency);
    EXPECT_THAT(RefusedFields(Create()), ElementsAre("amount.currency_code")) << currency;
  }
}

TEST_F(PaymentServiceTest, ChecksEveryFieldAtTheLimitsOfTheContract) {
  request_.mutable_amount()->set_amount_minor(v1::kMaxAmountMinor);
  request_.set_payment_method_token(std::string(v1::kMaxPaymentMethodTokenCharacters, 't'));
  request_.set_idempotency_key(std::string(rpc::v1::kMaxIdempotencyKeyCharacters, 'k'));
  EXPECT_TRUE(Create().ok());
  request_.mutable_amount()->set_amount_minor(v1::kMaxAmountMinor + 1);
  request_.mutable_payment_method_token()->push_back('t');
  request_.mutable_idempotency_key()->push_back('k');
  EXPECT_THAT(RefusedFields(Create()),
              ElementsAre("amount.amount_minor", "payment_method_token", "idempotency_key"));
  request_.mutable_amount()->set_amount_minor(v1::kMinAmountMinor);
  request_.set_payment_method_token("tok\n");
  request_.set_idempotency_key("clé");
  EXPECT_THAT(RefusedFields(Create()), ElementsAre("payment_method_token", "idempotency_key"));
}

TEST_F(PaymentServiceTest, MapsEveryStateToItsOwnStatus) {
  for (const PaymentState state : kPaymentStates) {
    v1::GetPaymentRequest request;
    request.set_payment_id(payments_.Add(7, 3, state).id.value());
    v1::GetPaymentResponse response;
    ASSERT_TRUE(service_.GetPayment(call_, ByLab(request), response).ok());
    EXPECT_EQ(v1::PaymentStatus_Name(response.payment().status()),
              "PAYMENT_STATUS_" + std::string(PaymentStateName(state)));
  }
  v1::GetPaymentRequest request;
  v1::GetPaymentResponse response;
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

TEST_F(PaymentServiceTest, RefusesEveryRequestWithoutAPrincipal) {
  EXPECT_TRUE(absl::IsUnauthenticated(Create({})));
  EXPECT_TRUE(absl::IsUnauthenticated(Create({0, Role::kCustomer})));
  v1::GetPaymentResponse got;
  EXPECT_TRUE(absl::IsUnauthenticated(service_.GetPayment(call_, v1::GetPaymentRequest(), got)));
  v1::ListPaymentsResponse listed;
  EXPECT_TRUE(
      absl::IsUnauthenticated(service_.ListPayments(call_, v1::ListPaymentsRequest(), listed)));
  EXPECT_TRUE(payments_.log.empty());
}

TEST_F(PaymentServiceTest, ACustomerPaysForItselfOnly) {
  EXPECT_TRUE(Create(Customer(7)).ok());
  EXPECT_EQ(Create(Customer(8)), absl::NotFoundError("there is no user 7"));
  EXPECT_THAT(payments_.log, ElementsAre("begin", "finish lease-1"));
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
