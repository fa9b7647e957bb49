// Who asks: a value that is not public is cached for its reader alone, and its flight, its lock,
// its refresh and the memory that there is none are that reader's too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "common/str_cat.h"
#include "gateway/backends/cached_backends.h"
#include "gateway/runtime/sleep.h"
#include "tests/gateway/redis/loop_redis_fixture.h"
#include "tests/support/fake_backends.h"
#include "tests/support/principals.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using testing::Admin;
using testing::Customer;
using testing::Eventually;

// All of one that differ by one thing each.
constexpr Principal kReaders[] = {Customer(7), Customer(8), Admin(7), kLabPrincipal};

// What became of a read.
struct Outcome {
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string text;  // the user's name, or the error's message
  CacheNote note;
};

// One gateway before a service that answers a read with the name of its reader, or with NOT_FOUND
// for those whom the test names.
class Reader {
 public:
  explicit Reader(const testing::PrivateRedis& server, const CacheConfig& config = {})
      : redis_("redis-cache", server.server(), {}, loops_.executors(), SystemClock(),
               loops_.logger(), loops_.metrics()),
        cache_(config, redis_, loops_.executors(), SystemClock(), loops_.logger(), loops_.metrics(),
               MakeTokenSource()) {
    users_.GetUser = [this](RequestContext& context, user::v1::GetUserRequest) {
      return Answer(context);
    };
    CacheUsers(cache_, backends_.all.Get("user"), users_);
    redis_.Start();
    loops_.Start();
    EXPECT_TRUE(Eventually([this] { return redis_.Of(loops_.at(0)).up(); }));
  }
  ~Reader() {
    EXPECT_TRUE(Eventually([this] { return cache_.idle(); }));
    loops_.Stop();
  }

  std::future<Outcome> Begin(const Principal& principal, bool revalidate = false) {
    return loops_.Begin<Outcome>([this, principal, revalidate](RequestContext& context) {
      context.principal = principal;
      context.revalidate = revalidate;
      return Read(context);
    });
  }
  Outcome Get(const Principal& principal) { return Begin(principal).get(); }
  // Reads until that is a hit.
  bool Warm(const Principal& principal) {
    return Eventually([&] { return Get(principal).note.result == CacheResult::kHit; });
  }

  std::atomic<bool> holds{false};  // the service does not answer
  std::atomic<int> asked{0};
  std::atomic<int> refuses_customer{0};  // by its id: NOT_FOUND

  static std::string NameFor(const Principal& principal) {
    return StrCat(RoleName(principal.role), principal.user_id, principal.lab ? " lab" : "");
  }

 private:
  Task<absl::StatusOr<user::v1::GetUserResponse>> Answer(RequestContext& context) {
    ++asked;
    while (holds) {
      Sleep pause(context, milliseconds(1), Sleep::Precision::kFine);
      co_await pause;
    }
    if (context.principal == Customer(refuses_customer)) {
      co_return absl::NotFoundError(StrCat("none for ", NameFor(context.principal)));
    }
    user::v1::GetUserResponse answer;
    answer.mutable_user()->set_name(NameFor(context.principal));
    co_return answer;
  }

  Task<Outcome> Read(RequestContext& context) {
    user::v1::GetUserRequest request;
    request.set_user_id(1);
    Task<absl::StatusOr<user::v1::GetUserResponse>> reading =
        users_.GetUser(context, std::move(request));
    const absl::StatusOr<user::v1::GetUserResponse> answer = co_await reading;
    Outcome outcome;
    outcome.code = answer.status().code();
    outcome.text = answer.ok() ? answer->user().name() : std::string(answer.status().message());
    outcome.note = context.cache;
    co_return outcome;
  }

  testing::RunningLoops loops_{1};
  LoopRedis redis_;
  ReadCache cache_;
  testing::ThreeBackends backends_;
  UserBackend users_;
};

class CachedPrincipalsTest : public ::testing::Test {
 protected:
  testing::PrivateRedis server_;
};

TEST_F(CachedPrincipalsTest, AValueIsAHitForItsReaderAlone) {
  Reader gateway(server_);
  ASSERT_TRUE(gateway.Warm(kReaders[0]));
  for (const Principal& reader : kReaders) {
    if (reader == kReaders[0]) continue;
    const Outcome outcome = gateway.Get(reader);
    EXPECT_EQ(outcome.note.result, CacheResult::kMiss) << Reader::NameFor(reader);
    EXPECT_EQ(outcome.text, Reader::NameFor(reader));
  }
  for (const Principal& reader : kReaders) {
    ASSERT_TRUE(gateway.Warm(reader));
    EXPECT_EQ(gateway.Get(reader).text, Reader::NameFor(reader));
  }
}

TEST_F(CachedPrincipalsTest, ThatThereIsNoneIsRememberedForItsReaderAlone) {
  Reader gateway(server_);
  gateway.refuses_customer = 8;
  ASSERT_TRUE(gateway.Warm(Customer(8)));
  EXPECT_EQ(gateway.Get(Customer(8)).text, "none for customer8");
  EXPECT_EQ(gateway.Get(Customer(7)).text, "customer7");
  ASSERT_TRUE(gateway.Warm(Customer(7)));
  EXPECT_EQ(gateway.Get(Customer(8)).code, absl::StatusCode::kNotFound);
  EXPECT_EQ(gateway.Get(Customer(7)).text, "customer7");
}

TEST_F(CachedPrincipalsTest, ReadersThatMissAtOnceShareAFlightOnlyWithThemselves) {
  Reader gateway(server_);
  gateway.holds = true;
  std::vector<std::future<Outcome>> reads;
  for (int round = 0; round < 3; ++round) {
    for (const Principal& reader : kReaders) reads.push_back(gateway.Begin(reader));
  }
  ASSERT_TRUE(Eventually([&] { return gateway.asked == 4; }));
  gateway.holds = false;
  for (std::size_t i = 0; i < reads.size(); ++i) {
    EXPECT_EQ(reads[i].get().text, Reader::NameFor(kReaders[i % 4]));
  }
}

// The one that has the lock of its own value holds up no other reader.
TEST_F(CachedPrincipalsTest, GatewaysWaitForEachOtherOnlyForOneReader) {
  Reader one(server_, {.lock_wait = std::chrono::hours(1)});
  Reader other(server_, {.lock_wait = std::chrono::hours(1)});
  one.holds = true;
  std::future<Outcome> first = one.Begin(Customer(7));
  ASSERT_TRUE(Eventually([&] { return one.asked == 1; }));
  EXPECT_EQ(other.Get(Customer(8)).text, "customer8");
  ASSERT_TRUE(other.Warm(Customer(8)));
  const int asked = other.asked;
  // The tokens and that value are there, so the next SET asks for the lock.
  const int sets = server_.CountCalls("set");
  std::future<Outcome> same = other.Begin(Customer(7));
  ASSERT_TRUE(Eventually([&] { return server_.CountCalls("set") > sets; }));
  one.holds = false;
  EXPECT_EQ(first.get().text, "customer7");
  EXPECT_EQ(same.get().text, "customer7");
  EXPECT_EQ(other.asked, asked);
}

TEST_F(CachedPrincipalsTest, AStaleValueIsRefreshedOnBehalfOfItsReader) {
  Reader gateway(server_, {.user_ttl = milliseconds(1)});
  for (const Principal& reader : kReaders) {
    ASSERT_TRUE(Eventually([&] {
      const Outcome outcome = gateway.Get(reader);
      EXPECT_EQ(outcome.text, Reader::NameFor(reader));
      return outcome.note.result == CacheResult::kStale;
    }));
  }
  for (int round = 0; round < 20; ++round) {
    for (const Principal& reader : kReaders) {
      EXPECT_EQ(gateway.Get(reader).text, Reader::NameFor(reader));
    }
  }
}

TEST_F(CachedPrincipalsTest, ARevalidationIsOnBehalfOfItsReader) {
  Reader gateway(server_);
  ASSERT_TRUE(gateway.Warm(Customer(7)));
  for (const Principal& reader : kReaders) {
    EXPECT_EQ(gateway.Begin(reader, true).get().text, Reader::NameFor(reader));
  }
}

// Of every read that is not public; products are.
TEST_F(CachedPrincipalsTest, EveryPrivateReadIsCachedForItsReaderAlone) {
  testing::RunningLoops loops(1);
  LoopRedis redis("redis-cache", server_.server(), {}, loops.executors(), SystemClock(),
                  loops.logger(), loops.metrics());
  ReadCache cache({}, redis, loops.executors(), SystemClock(), loops.logger(), loops.metrics(),
                  MakeTokenSource());
  testing::ThreeBackends backends;
  testing::FakeUserBackend users;
  testing::FakeOrderBackend orders;
  testing::FakeProductBackend products;
  testing::FakePaymentBackend payments;
  CacheUsers(cache, backends.all.Get("user"), users);
  CacheOrders(cache, backends.all.Get("order"), orders);
  CacheProducts(cache, backends.all.Get("order"), products);
  CachePayments(cache, backends.all.Get("payment"), payments);
  redis.Start();
  loops.Start();
  ASSERT_TRUE(Eventually([&] { return redis.Of(loops.at(0)).up(); }));

  const auto expect = [&](auto& fake, auto& verb, auto request, auto response, bool is_private) {
    fake.Answers(response);
    const auto read = [&](const Principal& principal) {
      return loops.Await<CacheResult>([&](RequestContext& context) {
        context.principal = principal;
        return [](RequestContext& asked, auto asking) -> Task<CacheResult> {
          const auto answer = co_await asking;
          static_cast<void>(answer);
          co_return asked.cache.result;
        }(context, verb(context, request));
      });
    };
    ASSERT_TRUE(Eventually([&] { return read(Customer(7)) == CacheResult::kHit; }));
    EXPECT_EQ(fake.asked_by().back(), is_private ? Customer(7) : Principal{});
    for (const Principal& other : {Customer(8), Admin(7), kLabPrincipal}) {
      EXPECT_EQ(read(other), is_private ? CacheResult::kMiss : CacheResult::kHit);
      EXPECT_EQ(fake.asked_by().back(), is_private ? other : Principal{});
    }
  };
  user::v1::GetUserRequest user;
  user.set_user_id(1);
  expect(users.get_user, users.GetUser, user, user::v1::GetUserResponse(), true);
  order::v1::GetOrderRequest order;
  order.set_order_id(1);
  expect(orders.get_order, orders.GetOrder, order, order::v1::GetOrderResponse(), true);
  order::v1::ListOrdersRequest orders_of;
  orders_of.set_user_id(1);
  expect(orders.list_orders, orders.ListOrders, orders_of, order::v1::ListOrdersResponse(), true);
  payment::v1::GetPaymentRequest payment;
  payment.set_payment_id(1);
  expect(payments.get_payment, payments.GetPayment, payment, payment::v1::GetPaymentResponse(),
         true);
  payment::v1::ListPaymentsRequest payments_of;
  payments_of.set_user_id(1);
  expect(payments.list_payments, payments.ListPayments, payments_of,
         payment::v1::ListPaymentsResponse(), true);
  order::v1::GetProductRequest product;
  product.set_product_id(1);
  expect(products.get_product, products.GetProduct, product, order::v1::GetProductResponse(),
         false);
  expect(products.list_products, products.ListProducts, order::v1::ListProductsRequest(),
         order::v1::ListProductsResponse(), false);
  EXPECT_TRUE(Eventually([&] { return cache.idle(); }));
  loops.Stop();
}

}  // namespace
}  // namespace scaleout::gateway
