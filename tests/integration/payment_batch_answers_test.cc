// Batch reads of payments at their worst: the largest answers that the contract allows.
#include <atomic>

#include "proto/scaleout/type/v1/money_limits.h"
#include "scaleout/payment/v1/payment.grpc.pb.h"
#include "services/payment/payment_rpc.h"
#include "services/payment/payment_service.h"
#include "tests/integration/batch_answers_fixture.h"
#include "tests/services/payment/fake_charges.h"
#include "tests/services/payment/fake_provider.h"

namespace scaleout {
namespace {

using rpc::v1::kMaxBatchAnswerBytes;
using rpc::v1::kMaxBatchKeys;
using rpc::v1::kMaxId;
using testing::kTime;

// Payments with a reference of 1,000 bytes; the contract does not limit what a provider calls a
// charge.
class LargestPayments final : public payment::PaymentRepository {
 public:
  absl::StatusOr<std::vector<payment::Payment>> List(const CallContext&,
                                                     const payment::PaymentFilter& filter,
                                                     std::optional<payment::PaymentId>,
                                                     int limit) override {
    payment::Payment payment;
    payment.id = payment::PaymentId(kMaxId);
    payment.user_id = *filter.user_id;
    payment.order_id = payment::OrderId(kMaxId);
    payment.amount = {type::v1::kMaxAmountMinor, "EUR"};
    payment.provider_reference = std::string(1000, 'r');
    payment.created_at = payment.updated_at = kTime;
    return std::vector<payment::Payment>(static_cast<std::size_t>(limit), payment);
  }
  absl::StatusOr<std::vector<payment::Payment>> ListOfUsers(
      const CallContext& call, const std::vector<payment::UserId>& user_ids, int limit) override {
    std::vector<payment::Payment> all;
    for (const payment::UserId user_id : user_ids) {
      const auto payments = List(call, {user_id, std::nullopt}, std::nullopt, limit);
      all.insert(all.end(), payments->begin(), payments->end());
    }
    return all;
  }
  absl::StatusOr<std::vector<std::optional<payment::Payment>>> FindMany(
      const CallContext& call, const std::vector<OwnedId<payment::PaymentId>>& keys) override {
    std::vector<std::optional<payment::Payment>> found;
    for (const auto& key : keys) {
      found.push_back(
          List(call, {payment::UserId(kMaxId), std::nullopt}, std::nullopt, 1).value()[0]);
      found.back()->id = key.id;
      found.back()->provider_reference = std::string(reference_bytes, 'r');
    }
    return found;
  }
  absl::StatusOr<payment::Payment> Get(const CallContext&, payment::PaymentId, Owner) override {
    return absl::UnimplementedError("");
  }

  std::atomic<std::size_t> reference_bytes = 1000;  // read by a worker
};

class PaymentBatchAnswersTest : public testing::BatchAnswersFixture {
 protected:
  PaymentBatchAnswersTest() { Serve({payment_rpc_.get()}); }

  LargestPayments payments_;
  payment::FakeCharges charges_;
  payment::FakeProvider provider_;
  payment::TokenBulkhead bulkhead_{1};
  payment::PaymentService payment_service_{payments_, charges_, provider_, bulkhead_,
                                           SystemClock()};
  const std::unique_ptr<grpc::Service> payment_rpc_ =
      payment::MakePaymentRpc(payment_service_, calls(), calls());
};

TEST_F(PaymentBatchAnswersTest, PaymentsThatDoNotFitAreErrorsAndTheListOfOneUserCarriesThem) {
  const auto stub = payment::v1::PaymentService::NewStub(Channel());
  auto request = LargestBatch<payment::v1::BatchListPaymentsRequest>(
      &payment::v1::BatchListPaymentsRequest::Key::set_user_id);
  request.set_page_size(rpc::v1::kMaxPageSize);
  const auto response = Ask(*stub, &payment::v1::PaymentService::Stub::BatchListPayments, request);
  ASSERT_EQ(response.entries_size(), static_cast<int>(kMaxBatchKeys));
  const int too_large = CountTooLarge(response);
  EXPECT_GT(too_large, 0);
  EXPECT_LT(too_large, response.entries_size());
  EXPECT_LE(response.ByteSizeLong(), kMaxBatchAnswerBytes);
  payment::v1::ListPaymentsRequest one;
  one.set_user_id(request.keys(response.entries_size() - 1).user_id());
  one.set_page_size(rpc::v1::kMaxPageSize);
  const auto listed = Ask(*stub, &payment::v1::PaymentService::Stub::ListPayments, one);
  EXPECT_EQ(listed.payments_size(), rpc::v1::kMaxPageSize);
}

TEST_F(PaymentBatchAnswersTest, PaymentsOfABatchThatDoNotFitAreErrors) {
  payments_.reference_bytes = 100'000;
  const auto stub = payment::v1::PaymentService::NewStub(Channel());
  const auto request = LargestBatch<payment::v1::BatchGetPaymentsRequest>(
      &payment::v1::BatchGetPaymentsRequest::Key::set_payment_id);
  const auto response = Ask(*stub, &payment::v1::PaymentService::Stub::BatchGetPayments, request);
  ASSERT_EQ(response.entries_size(), static_cast<int>(kMaxBatchKeys));
  EXPECT_GT(CountTooLarge(response), 0);
  EXPECT_LT(CountTooLarge(response), response.entries_size());
  EXPECT_LE(response.ByteSizeLong(), kMaxBatchAnswerBytes);
}

}  // namespace
}  // namespace scaleout
