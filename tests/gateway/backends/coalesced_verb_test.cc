// Every read that is coalesced, through its typed backend and over gRPC: alone and in a batch.
#include "gateway/backends/coalesced_verb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/backends/order_backend.h"
#include "gateway/backends/payment_backend.h"
#include "gateway/backends/product_backend.h"
#include "gateway/backends/user_backend.h"
#include "tests/gateway/backends/coalesced_verb_fixture.h"

namespace scaleout::gateway {
namespace {

TEST(ReadKeyOf, IsTheIdOfOneItem) {
  EXPECT_EQ(FindItemKey(7), (ReadKey{.id = 7}));
  EXPECT_EQ(FindItemKey(0), std::nullopt);
}

TEST(ReadKeyOf, HasThePageSizeThatTheServiceWouldTake) {
  EXPECT_EQ(FindListKey(7, 5), (ReadKey{.id = 7, .page_size = 5}));
  EXPECT_EQ(FindListKey(7, 0), (ReadKey{.id = 7, .page_size = rpc::v1::kDefaultPageSize}));
  EXPECT_EQ(FindListKey(7, 1000), (ReadKey{.id = 7, .page_size = rpc::v1::kMaxPageSize}));
}

TEST(ReadKeyOf, IsNothingForAListThatTheServiceRefuses) {
  EXPECT_EQ(FindListKey(7, -1), std::nullopt);
  EXPECT_EQ(FindListKey(0, 5), std::nullopt);
}

TEST_F(CoalescedVerbTest, UsersTravelTogether) {
  const UserBackend backend = MakeUserBackend(backends_.Get("user"), &parts_);
  ExpectOneBatch(
      backend.GetUser, users_.asked,
      [](std::int64_t id) {
        user::v1::GetUserRequest request;
        request.set_user_id(id);
        return request;
      },
      [](const user::v1::GetUserResponse& answer) { return answer.user().id(); });
}

TEST_F(CoalescedVerbTest, OrdersTravelTogether) {
  const OrderBackend backend = MakeOrderBackend(backends_.Get("order"), &parts_);
  ExpectOneBatch(
      backend.GetOrder, orders_.asked,
      [](std::int64_t id) {
        order::v1::GetOrderRequest request;
        request.set_order_id(id);
        return request;
      },
      [](const order::v1::GetOrderResponse& answer) { return answer.order().id(); });
}

TEST_F(CoalescedVerbTest, FirstPagesOfOrdersTravelTogether) {
  const OrderBackend backend = MakeOrderBackend(backends_.Get("order"), &parts_);
  order::v1::ListOrdersRequest request;
  request.set_page_size(3);
  ExpectOneBatch(
      backend.ListOrders, orders_.asked,
      [&request](std::int64_t id) {
        request.set_user_id(id);
        return request;
      },
      [](const order::v1::ListOrdersResponse& answer) {
        EXPECT_EQ(answer.orders_size(), 3);
        EXPECT_EQ(answer.next_page_token(), StrCat("after ", answer.orders(0).user_id()));
        return answer.orders(2).user_id();
      });
  request.set_page_token("of a later page");
  ExpectNoBatch(backend.ListOrders, orders_.asked, request);
  request.clear_page_token();
  request.clear_user_id();
  ExpectNoBatch(backend.ListOrders, orders_.asked, request);
}

TEST_F(CoalescedVerbTest, PagesOfOneSizeShareABatch) {
  const OrderBackend backend = MakeOrderBackend(backends_.Get("order"), &parts_);
  std::vector<std::unique_ptr<testing::RunningTask<absl::StatusOr<order::v1::ListOrdersResponse>>>>
      reads;
  for (int i = 0; i < 12; ++i) {
    order::v1::ListOrdersRequest request;
    request.set_user_id(i + 1);
    request.set_page_size(i % 3 == 0 ? 2 : 5);
    reads.push_back(
        std::make_unique<testing::RunningTask<absl::StatusOr<order::v1::ListOrdersResponse>>>(
            backend.ListOrders(fixture_.context, request)));
  }
  ASSERT_TRUE(fixture_.loop.RunUntil(
      [&] { return std::ranges::all_of(reads, [](const auto& read) { return read->done(); }); }));
  EXPECT_EQ(orders_.asked.batches, 2);
  for (std::size_t i = 0; i < reads.size(); ++i) {
    if (!Exists(static_cast<std::int64_t>(i) + 1)) continue;
    EXPECT_EQ(reads[i]->value()->orders_size(), i % 3 == 0 ? 2 : 5);
  }
}

TEST_F(CoalescedVerbTest, ProductsTravelTogether) {
  const ProductBackend backend = MakeProductBackend(backends_.Get("order"), &parts_);
  ExpectOneBatch(
      backend.GetProduct, products_.asked,
      [](std::int64_t id) {
        order::v1::GetProductRequest request;
        request.set_product_id(id);
        return request;
      },
      [](const order::v1::GetProductResponse& answer) { return answer.product().id(); });
}

TEST_F(CoalescedVerbTest, PaymentsTravelTogether) {
  const PaymentBackend backend = MakePaymentBackend(payment_, payment_.guard, &parts_);
  ExpectOneBatch(
      backend.GetPayment, payments_.asked,
      [](std::int64_t id) {
        payment::v1::GetPaymentRequest request;
        request.set_payment_id(id);
        return request;
      },
      [](const payment::v1::GetPaymentResponse& answer) { return answer.payment().id(); });
}

TEST_F(CoalescedVerbTest, FirstPagesOfPaymentsTravelTogether) {
  const PaymentBackend backend = MakePaymentBackend(payment_, payment_.guard, &parts_);
  payment::v1::ListPaymentsRequest request;
  request.set_page_size(2);
  ExpectOneBatch(
      backend.ListPayments, payments_.asked,
      [&request](std::int64_t id) {
        request.set_user_id(id);
        return request;
      },
      [](const payment::v1::ListPaymentsResponse& answer) {
        EXPECT_EQ(answer.payments_size(), 2);
        EXPECT_EQ(answer.next_page_token(), StrCat("after ", answer.payments(0).user_id()));
        return answer.payments(1).user_id();
      });
  request.set_order_id(4);
  ExpectNoBatch(backend.ListPayments, payments_.asked, request);
}

TEST_F(CoalescedVerbTest, CountsABatchAsOneCallAndTimesEveryRead) {
  const UserBackend backend = MakeUserBackend(backends_.Get("user"), &parts_);
  std::vector<std::unique_ptr<testing::RunningTask<absl::StatusOr<user::v1::GetUserResponse>>>>
      reads;
  for (std::int64_t id = 1; id <= 9; ++id) {
    user::v1::GetUserRequest request;
    request.set_user_id(id);
    reads.push_back(
        std::make_unique<testing::RunningTask<absl::StatusOr<user::v1::GetUserResponse>>>(
            backend.GetUser(fixture_.context, request)));
  }
  ASSERT_TRUE(fixture_.loop.RunUntil(
      [&] { return std::ranges::all_of(reads, [](const auto& read) { return read->done(); }); }));
  EXPECT_EQ(backends_.Get("user").guard.counts().calls, 1);
  const auto timed = [this](std::string method) {
    return metrics_
        ->AddHistogram("rpc_client_call_duration_seconds", "", LatencyBounds(),
                       {{"backend", "user"}, {"method", std::move(method)}, {"code", "OK"}})
        .count();
  };
  EXPECT_EQ(timed("BatchGetUsers"), 1U);
  EXPECT_EQ(timed("GetUser"), 9U);
}

// 63 clients have asked for something that exists; the poisonous key is the fault of none of them.
TEST_F(CoalescedVerbTest, APoisonousKeyFailsAlone) {
  const ProductBackend backend = MakeProductBackend(backends_.Get("order"), &parts_);
  std::vector<std::unique_ptr<testing::RunningTask<absl::StatusOr<order::v1::GetProductResponse>>>>
      reads;
  std::vector<std::int64_t> ids = {kPoison};
  for (std::int64_t id = 1001; ids.size() < 64; ++id) {
    if (Exists(id)) ids.push_back(id);
  }
  for (const std::int64_t id : ids) {
    order::v1::GetProductRequest request;
    request.set_product_id(id);
    reads.push_back(
        std::make_unique<testing::RunningTask<absl::StatusOr<order::v1::GetProductResponse>>>(
            backend.GetProduct(fixture_.context, request)));
  }
  ASSERT_TRUE(fixture_.loop.RunUntil(
      [&] { return std::ranges::all_of(reads, [](const auto& read) { return read->done(); }); }));
  EXPECT_EQ(reads[0]->value().status().code(), absl::StatusCode::kInternal);
  for (std::size_t i = 1; i < ids.size(); ++i) {
    ASSERT_TRUE(reads[i]->value().ok()) << ids[i] << ": " << reads[i]->value().status();
    EXPECT_EQ(reads[i]->value()->product().id(), ids[i]);
  }
}

}  // namespace
}  // namespace scaleout::gateway
