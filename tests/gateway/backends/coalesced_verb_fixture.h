// The services that the gateway reads from, over gRPC, with answers that name their keys; and the
// typed backends that coalesce those reads on one loop.
#ifndef SCALEOUT_TESTS_GATEWAY_BACKENDS_COALESCED_VERB_FIXTURE_H_
#define SCALEOUT_TESTS_GATEWAY_BACKENDS_COALESCED_VERB_FIXTURE_H_

#include <gmock/gmock.h>
#include <grpcpp/server_context.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "common/principal.h"
#include "common/str_cat.h"
#include "gateway/backends/backends.h"
#include "gateway/backends/coalesced_verb.h"
#include "gateway/backends/request_principal.h"
#include "scaleout/order/v1/order.grpc.pb.h"
#include "scaleout/order/v1/product.grpc.pb.h"
#include "scaleout/payment/v1/payment.grpc.pb.h"
#include "scaleout/user/v1/user.grpc.pb.h"
#include "tests/support/fake_logger.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/principals.h"
#include "tests/support/request_fixture.h"
#include "tests/support/rpc_server.h"
#include "tests/support/running_task.h"
#include "tests/support/socket_path.h"

namespace scaleout::gateway {

using grpc::ServerContext;
using grpc::Status;

// What a service was asked: batches, reads of one, and the principals of all keys in their order.
// Thread-safe.
struct Asked {
  template <typename Key>
  void By(const Key& key) {
    if constexpr (NamesPrincipal<Key>) {
      const std::lock_guard lock(mutex);
      principals.push_back(FromProto(key.principal()));
    }
  }
  std::vector<Principal> TakePrincipals() {
    const std::lock_guard lock(mutex);
    return std::exchange(principals, {});
  }

  std::atomic<int> batches{0};
  std::atomic<int> ones{0};
  std::mutex mutex;
  std::vector<Principal> principals;
};

// The answers name the key, so that one that went to another caller shows. A key that is a multiple
// of 10 does not exist; one that is poisonous fails every call that it is in.
inline constexpr std::int64_t kPoison = 13;

inline bool Exists(std::int64_t id) { return id % 10 != 0; }

inline Status OneStatus(std::int64_t id) {
  if (id == kPoison) return {grpc::StatusCode::INTERNAL, "the service failed"};
  return Exists(id) ? Status::OK : Status(grpc::StatusCode::NOT_FOUND, StrCat("no ", id));
}

// Fills the entries of a batch; `fill` makes the value of one.
template <typename Request, typename Response, typename IdOf, typename Fill>
Status AnswerBatch(Asked& asked, const Request& request, Response& response, IdOf id_of,
                   Fill fill) {
  ++asked.batches;
  for (const auto& key : request.keys()) {
    const std::int64_t id = id_of(key);
    asked.By(key);
    if (id == kPoison) return {grpc::StatusCode::INTERNAL, "the service failed"};
    auto& entry = *response.add_entries();
    if (Exists(id)) {
      fill(id, entry);
    } else {
      entry.mutable_error()->set_code(grpc::StatusCode::NOT_FOUND);
      entry.mutable_error()->set_message(StrCat("no ", id));
    }
  }
  return Status::OK;
}

class Users final : public user::v1::UserService::Service {
 public:
  Status GetUser(ServerContext*, const user::v1::GetUserRequest* request,
                 user::v1::GetUserResponse* response) override {
    ++asked.ones;
    asked.By(*request);
    response->mutable_user()->set_id(request->user_id());
    return OneStatus(request->user_id());
  }
  Status BatchGetUsers(ServerContext*, const user::v1::BatchGetUsersRequest* request,
                       user::v1::BatchGetUsersResponse* response) override {
    return AnswerBatch(
        asked, *request, *response, [](const auto& key) { return key.user_id(); },
        [](std::int64_t id, auto& entry) { entry.mutable_user()->set_id(id); });
  }
  Asked asked;
};

class Orders final : public order::v1::OrderService::Service {
 public:
  Status GetOrder(ServerContext*, const order::v1::GetOrderRequest* request,
                  order::v1::GetOrderResponse* response) override {
    ++asked.ones;
    asked.By(*request);
    response->mutable_order()->set_id(request->order_id());
    return OneStatus(request->order_id());
  }
  Status BatchGetOrders(ServerContext*, const order::v1::BatchGetOrdersRequest* request,
                        order::v1::BatchGetOrdersResponse* response) override {
    return AnswerBatch(
        asked, *request, *response, [](const auto& key) { return key.order_id(); },
        [](std::int64_t id, auto& entry) { entry.mutable_order()->set_id(id); });
  }
  Status ListOrders(ServerContext*, const order::v1::ListOrdersRequest* request,
                    order::v1::ListOrdersResponse* response) override {
    ++asked.ones;
    asked.By(*request);
    AddOrders(request->user_id(), request->page_size(), *response);
    return OneStatus(request->user_id());
  }
  Status BatchListOrders(ServerContext*, const order::v1::BatchListOrdersRequest* request,
                         order::v1::BatchListOrdersResponse* response) override {
    return AnswerBatch(
        asked, *request, *response, [](const auto& key) { return key.user_id(); },
        [&](std::int64_t id, auto& entry) {
          AddOrders(id, request->page_size(), *entry.mutable_order_list());
        });
  }
  Asked asked;

 private:
  template <typename List>
  static void AddOrders(std::int64_t user_id, int page_size, List& list) {
    for (int i = 0; i < page_size; ++i) list.add_orders()->set_user_id(user_id);
    list.set_next_page_token(StrCat("after ", user_id));
  }
};

class Products final : public order::v1::ProductService::Service {
 public:
  Status GetProduct(ServerContext*, const order::v1::GetProductRequest* request,
                    order::v1::GetProductResponse* response) override {
    ++asked.ones;
    asked.By(*request);
    response->mutable_product()->set_id(request->product_id());
    return OneStatus(request->product_id());
  }
  Status BatchGetProducts(ServerContext*, const order::v1::BatchGetProductsRequest* request,
                          order::v1::BatchGetProductsResponse* response) override {
    return AnswerBatch(
        asked, *request, *response, [](const auto& key) { return key.product_id(); },
        [](std::int64_t id, auto& entry) { entry.mutable_product()->set_id(id); });
  }
  Asked asked;
};

class Payments final : public payment::v1::PaymentService::Service {
 public:
  Status GetPayment(ServerContext*, const payment::v1::GetPaymentRequest* request,
                    payment::v1::GetPaymentResponse* response) override {
    ++asked.ones;
    asked.By(*request);
    response->mutable_payment()->set_id(request->payment_id());
    return OneStatus(request->payment_id());
  }
  Status BatchGetPayments(ServerContext*, const payment::v1::BatchGetPaymentsRequest* request,
                          payment::v1::BatchGetPaymentsResponse* response) override {
    return AnswerBatch(
        asked, *request, *response, [](const auto& key) { return key.payment_id(); },
        [](std::int64_t id, auto& entry) { entry.mutable_payment()->set_id(id); });
  }
  Status ListPayments(ServerContext*, const payment::v1::ListPaymentsRequest* request,
                      payment::v1::ListPaymentsResponse* response) override {
    ++asked.ones;
    asked.By(*request);
    AddPayments(request->user_id(), request->page_size(), *response);
    return OneStatus(request->user_id());
  }
  Status BatchListPayments(ServerContext*, const payment::v1::BatchListPaymentsRequest* request,
                           payment::v1::BatchListPaymentsResponse* response) override {
    return AnswerBatch(
        asked, *request, *response, [](const auto& key) { return key.user_id(); },
        [&](std::int64_t id, auto& entry) {
          AddPayments(id, request->page_size(), *entry.mutable_payment_list());
        });
  }
  Asked asked;

 private:
  template <typename List>
  static void AddPayments(std::int64_t user_id, int page_size, List& list) {
    for (int i = 0; i < page_size; ++i) list.add_payments()->set_user_id(user_id);
    list.set_next_page_token(StrCat("after ", user_id));
  }
};

class CoalescedVerbTest : public ::testing::Test {
 protected:
  CoalescedVerbTest() {
    fixture_.context.deadline = fixture_.clock.Now() + std::chrono::seconds(30);
    EXPECT_TRUE(backends_.WaitUntilConnected(std::chrono::seconds(10)));
  }
  ~CoalescedVerbTest() override { backends_.WaitForCallbacks(); }

  // Reads keys 1 to 12 in one turn: one batch, with the answers that the calls for one key give.
  // `request_of` makes the request for an id, `id_of` takes it out of an answer.
  template <typename Request, typename Response, typename RequestOf, typename IdOf>
  void ExpectOneBatch(const Verb<Request, Response>& verb, Asked& asked, RequestOf request_of,
                      IdOf id_of) {
    std::vector<std::unique_ptr<testing::RunningTask<absl::StatusOr<Response>>>> reads;
    for (std::int64_t id = 1; id <= 12; ++id) {
      reads.push_back(std::make_unique<testing::RunningTask<absl::StatusOr<Response>>>(
          verb(fixture_.context, request_of(id))));
    }
    ASSERT_TRUE(fixture_.loop.RunUntil(
        [&] { return std::ranges::all_of(reads, [](const auto& read) { return read->done(); }); }));
    EXPECT_EQ(asked.batches, 1);
    EXPECT_EQ(asked.ones, 0);
    for (std::int64_t id = 1; id <= 12; ++id) {
      const absl::StatusOr<Response>& answer = reads[static_cast<std::size_t>(id - 1)]->value();
      if (Exists(id)) {
        ASSERT_TRUE(answer.ok()) << answer.status();
        EXPECT_EQ(id_of(*answer), id);
      } else {
        EXPECT_EQ(answer.status(), absl::NotFoundError(StrCat("no ", id)));
      }
    }

    testing::RunningTask<absl::StatusOr<Response>> alone(verb(fixture_.context, request_of(7)));
    ASSERT_TRUE(fixture_.loop.RunUntil([&] { return alone.done(); }));
    ASSERT_TRUE(alone.value().ok()) << alone.value().status();
    EXPECT_EQ(id_of(*alone.value()), 7);
    EXPECT_EQ(asked.ones, 1);
    EXPECT_EQ(asked.batches, 1);
  }

  // Reads key 1 on behalf of two users and the lab in one turn, and then of one of them alone: each
  // time the service is asked on behalf of its reader.
  template <typename Request, typename Response, typename RequestOf>
  void ExpectReadersApart(const Verb<Request, Response>& verb, Asked& asked, RequestOf request_of) {
    using testing::Customer;
    RequestContext other(fixture_.loop, fixture_.clock);
    RequestContext lab(fixture_.loop, fixture_.clock);
    fixture_.context.principal = Customer(7);
    other.principal = Customer(8);
    lab.principal = kLabPrincipal;
    other.deadline = lab.deadline = fixture_.context.deadline;
    std::vector<std::unique_ptr<testing::RunningTask<absl::StatusOr<Response>>>> reads;
    for (RequestContext* const context : {&fixture_.context, &other, &lab, &other}) {
      reads.push_back(std::make_unique<testing::RunningTask<absl::StatusOr<Response>>>(
          verb(*context, request_of(1))));
    }
    ASSERT_TRUE(fixture_.loop.RunUntil(
        [&] { return std::ranges::all_of(reads, [](const auto& read) { return read->done(); }); }));
    EXPECT_EQ(asked.batches, 1);
    EXPECT_THAT(asked.TakePrincipals(),
                ::testing::ElementsAre(Customer(7), Customer(8), kLabPrincipal));
    testing::RunningTask<absl::StatusOr<Response>> alone(verb(other, request_of(1)));
    ASSERT_TRUE(fixture_.loop.RunUntil([&] { return alone.done(); }));
    EXPECT_EQ(asked.ones, 1);
    EXPECT_THAT(asked.TakePrincipals(), ::testing::ElementsAre(Customer(8)));
  }

  // Whatever is not a first page of one user goes as it is.
  template <typename Request, typename Response>
  void ExpectNoBatch(const Verb<Request, Response>& verb, Asked& asked, const Request& request) {
    const int ones = asked.ones;
    testing::RunningTask<absl::StatusOr<Response>> first(verb(fixture_.context, request));
    testing::RunningTask<absl::StatusOr<Response>> second(verb(fixture_.context, request));
    ASSERT_TRUE(fixture_.loop.RunUntil([&] { return first.done() && second.done(); }));
    EXPECT_EQ(asked.ones, ones + 2);
  }

  Users users_;
  Orders orders_;
  Products products_;
  Payments payments_;
  testing::SocketPath path_;
  testing::RpcServer server_{path_.target(), {&users_, &orders_, &products_, &payments_}};
  testing::RequestFixture fixture_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  testing::FakeLogger logger_;
  testing::GuardFixture guards_{fixture_.clock, *metrics_, logger_};
  Backends backends_ = MakeBackends(
      {{"user", path_.target()}, {"order", path_.target()}, {"payment", path_.target()}},
      guards_.parts());
  Backend& payment_ = backends_.Get("payment");
  const CoalescingParts parts_{{}, {&fixture_.loop}, fixture_.clock, logger_};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_TESTS_GATEWAY_BACKENDS_COALESCED_VERB_FIXTURE_H_
