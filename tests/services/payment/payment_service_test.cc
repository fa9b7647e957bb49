#include "services/payment/payment_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "proto/scaleout/payment/v1/payment_limits.h"
#include "tests/support/fake_clock.h"
#include "tests/support/refused_fields.h"

namespace scaleout::payment {
namespace {

using namespace std::chrono_literals;
using scaleout::testing::RefusedFields;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Payments in memory; the test sets what Begin(), Finish() and Release() return.
class FakePayments final : public PaymentRepository {
 public:
  absl::StatusOr<Claim> Begin(const CallContext&, const NewPayment& payment,
                              std::chrono::milliseconds lease_in) override {
    log.push_back("begin");
    begun = payment;
    lease = lease_in;
    if (!begin_failure.ok()) return begin_failure;
    if (earlier) return Claim(*earlier);
    return Claim(Attempt{payment.user_id, payment.idempotency_key, "ref-1", "lease-1"});
  }
  absl::StatusOr<Payment> Finish(const CallContext& call, const Attempt& attempt,
                                 const NewPayment& payment, const Outcome& outcome) override {
    log.push_back("finish " + attempt.lease_token);
    recording = call;
    if (!finish_failure.ok()) return finish_failure;
    Payment made = Add(payment.user_id.value(), payment.order_id.value(), outcome.state);
    made.amount = payment.amount;
    made.provider_reference = outcome.provider_reference;
    made.failure_reason = outcome.failure_reason;
    return made;
  }
  absl::Status Release(const CallContext& call, const Attempt& attempt) override {
    log.push_back("release " + attempt.lease_token);
    recording = call;
    return release_failure;
  }
  absl::StatusOr<Payment> Get(const CallContext&, PaymentId id) override {
    const auto found = std::ranges::find(payments, id, &Payment::id);
    if (found == payments.end()) return absl::NotFoundError("no payment");
    return *found;
  }
  absl::StatusOr<std::vector<Payment>> FindMany(const CallContext&,
                                                const std::vector<PaymentId>& ids) override {
    ++batches;
    std::vector<Payment> found;
    for (const Payment& payment : payments) {
      if (std::ranges::count(ids, payment.id) != 0) found.push_back(payment);
    }
    return found;
  }
  absl::StatusOr<std::vector<Payment>> List(const CallContext&, const PaymentFilter& filter,
                                            std::optional<PaymentId> before, int limit) override {
    std::vector<Payment> result;
    for (auto payment = payments.rbegin(); payment != payments.rend(); ++payment) {
      if (filter.user_id && payment->user_id != *filter.user_id) continue;
      if (filter.order_id && payment->order_id != *filter.order_id) continue;
      if (before && payment->id >= *before) continue;
      if (static_cast<int>(result.size()) < limit) result.push_back(*payment);
    }
    return result;
  }
  absl::StatusOr<std::vector<Payment>> ListOfUsers(const CallContext& call,
                                                   const std::vector<UserId>& user_ids,
                                                   int limit) override {
    ++batches;
    std::vector<Payment> result;
    for (const UserId user_id : user_ids) {
      const auto payments_of_user = List(call, {user_id, std::nullopt}, std::nullopt, limit);
      result.insert(result.end(), payments_of_user->begin(), payments_of_user->end());
    }
    return result;
  }

  Payment Add(std::int64_t user_id, std::int64_t order_id,
              PaymentState state = PaymentState::kCaptured) {
    Payment payment;
    payment.id = PaymentId(static_cast<std::int64_t>(payments.size()) + 1);
    payment.user_id = UserId(user_id);
    payment.order_id = OrderId(order_id);
    payment.state = state;
    payments.push_back(payment);
    return payment;
  }

  std::vector<Payment> payments;
  std::vector<std::string> log;
  std::optional<Payment> earlier;
  NewPayment begun;
  std::chrono::milliseconds lease{};
  CallContext recording;
  absl::Status begin_failure;
  absl::Status finish_failure;
  absl::Status release_failure;
  int batches = 0;
};

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

  absl::Status Create() { return service_.CreatePayment(call_, request_, response_); }

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
    ASSERT_TRUE(service_.GetPayment(call_, request, response).ok());
    EXPECT_EQ(v1::PaymentStatus_Name(response.payment().status()),
              "PAYMENT_STATUS_" + std::string(PaymentStateName(state)));
  }
  v1::GetPaymentRequest request;
  v1::GetPaymentResponse response;
  EXPECT_THAT(RefusedFields(service_.GetPayment(call_, request, response)),
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
  ASSERT_TRUE(service_.ListPayments(call_, request, first).ok());
  EXPECT_EQ(first.payments_size(), 2);
  request.set_page_token(first.next_page_token());
  v1::ListPaymentsResponse second;
  ASSERT_TRUE(service_.ListPayments(call_, request, second).ok());
  EXPECT_EQ(second.payments_size(), 1);
  EXPECT_THAT(second.next_page_token(), IsEmpty());
  request.clear_order_id();
  EXPECT_THAT(RefusedFields(service_.ListPayments(call_, request, second)),
              ElementsAre("page_token"));
  request.clear_page_token();
  request.set_user_id(-7);
  request.set_order_id(-3);
  EXPECT_THAT(RefusedFields(service_.ListPayments(call_, request, second)),
              ElementsAre("user_id", "order_id"));
}

TEST_F(PaymentServiceTest, AnswersABatchInTheOrderOfItsKeysWithOneCall) {
  for (int i = 0; i < 3; ++i) payments_.Add(7, i + 1);
  v1::BatchListPaymentsRequest request;
  for (const int id : {9, 7, 9, 7}) request.add_keys()->set_user_id(id);
  request.set_page_size(2);
  v1::BatchListPaymentsResponse response;
  ASSERT_TRUE(service_.BatchListPayments(call_, request, response).ok());
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
  ASSERT_TRUE(service_.ListPayments(call_, rest, listed).ok());
  EXPECT_EQ(listed.payments_size(), 1);
  request.add_keys()->set_user_id(0);
  EXPECT_THAT(RefusedFields(service_.BatchListPayments(call_, request, response)),
              ElementsAre("keys[4].user_id"));
}

TEST_F(PaymentServiceTest, AnswersABatchOfPaymentsWithAnErrorForEachAbsentOne) {
  for (int i = 0; i < 3; ++i) payments_.Add(7, i + 1);
  v1::BatchGetPaymentsRequest request;
  for (const int id : {3, 9, 1, 3}) request.add_keys()->set_payment_id(id);
  v1::BatchGetPaymentsResponse response;
  ASSERT_TRUE(service_.BatchGetPayments(call_, request, response).ok());
  EXPECT_EQ(payments_.batches, 1);
  ASSERT_EQ(response.entries_size(), 4);
  EXPECT_EQ(response.entries(0).payment().id(), 3);
  EXPECT_EQ(response.entries(1).error().code(), static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_EQ(response.entries(1).error().message(), "there is no payment 9");
  EXPECT_EQ(response.entries(2).payment().order_id(), 1);
  EXPECT_EQ(response.entries(3).payment().id(), 3);
  request.add_keys();
  EXPECT_THAT(RefusedFields(service_.BatchGetPayments(call_, request, response)),
              ElementsAre("keys[4].payment_id"));
}

}  // namespace
}  // namespace scaleout::payment
