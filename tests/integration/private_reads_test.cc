// Every private read of the API, by every kind of principal and in every order, through handlers,
// cache and coalescer to the real services, PostgreSQL and Redis: each reader gets the answer that
// is its own, whatever others asked before it, at the same time, or after it.
#include <gmock/gmock.h>
#include <grpcpp/impl/codegen/service_type.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "gateway/auth/login_rate_limit.h"
#include "gateway/backends/backends.h"
#include "gateway/backends/cached_backends.h"
#include "gateway/backends/coalesced_verb.h"
#include "gateway/handlers/order_handlers.h"
#include "gateway/handlers/overview_handlers.h"
#include "gateway/handlers/payment_handlers.h"
#include "gateway/handlers/user_handlers.h"
#include "gateway/http/route.h"
#include "service/service_calls.h"
#include "services/order/order_events.h"
#include "services/order/order_rpc.h"
#include "services/order/order_service.h"
#include "services/order/schema.h"
#include "services/payment/payment_events.h"
#include "services/payment/payment_rpc.h"
#include "services/payment/payment_service.h"
#include "services/payment/schema.h"
#include "services/user/schema.h"
#include "services/user/user_events.h"
#include "services/user/user_rpc.h"
#include "services/user/user_service.h"
#include "tests/gateway/redis/loop_redis_fixture.h"
#include "tests/integration/pool_fixture.h"
#include "tests/support/fake_revocations.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/principals.h"
#include "tests/support/request_fixture.h"
#include "tests/support/rpc_server.h"
#include "tests/support/socket_path.h"

namespace scaleout {
namespace {

using gateway::CacheResult;
using gateway::RequestContext;
using gateway::Response;
using gateway::Task;
using std::chrono::seconds;
using testing::Admin;
using testing::Customer;
using testing::Eventually;
using testing::TestRequest;

// The owner of what is read, another customer, an admin, and the lab.
constexpr Principal kOwner = Customer(7);
constexpr Principal kStranger = Customer(8);
const std::vector<Principal> kReaders = {kOwner, kStranger, Admin(1), kLabPrincipal};

// Who may read what is user 7's.
bool MayRead(const Principal& principal) { return principal != kStranger; }

// No payment is made here.
class NoProvider final : public payment::PaymentProvider {
 public:
  absl::StatusOr<payment::ChargeAnswer> Charge(const CallContext&,
                                               const payment::ChargeRequest&) override {
    return absl::UnimplementedError("");
  }
};

// The three services with their databases, at one address.
class RealServices : public testing::PoolFixture {
 protected:
  RealServices() {
    postgres_.Ask(users_database_,
                  "INSERT INTO users (id, email, name) SELECT i, 'user' || i || '@example.com',"
                  " 'Name ' || i FROM generate_series(1, 9) AS i");
    postgres_.Ask(orders_database_,
                  "WITH p AS (INSERT INTO products (id, name, price_minor, currency)"
                  " VALUES (1, 'Lamp', 1999, 'EUR')), o AS (INSERT INTO orders"
                  " (id, user_id, state, total_minor, currency)"
                  " SELECT i, 7 + i % 2, 'PAID', 1999, 'EUR' FROM generate_series(1, 12) AS i)"
                  " SELECT");
    postgres_.Ask(orders_database_,
                  "INSERT INTO order_items (order_id, line, product_id, product_name, quantity,"
                  " unit_price_minor) SELECT i, 1, 1, 'Lamp', 1, 1999"
                  " FROM generate_series(1, 12) AS i");
    postgres_.Ask(payments_database_,
                  "INSERT INTO payments (id, order_id, user_id, state, amount_minor, currency,"
                  " provider_reference) SELECT i, i, 7 + i % 2, 'CAPTURED', 1999, 'EUR',"
                  " 'sim_' || i FROM generate_series(1, 12) AS i");
  }
  // The workers end before what they use is destroyed, as in ServiceHost.
  ~RealServices() override {
    server_.server().Shutdown(std::chrono::system_clock::now());
    workers_.Stop();
  }

  std::unique_ptr<PostgresPool> MakePoolAt(const std::string& database,
                                           const ServiceSchema& schema) {
    options_.connect.conninfo = database;
    return MakePool(schema);
  }

  const std::string users_database_ = postgres_.CreateDatabase();
  const std::string orders_database_ = postgres_.CreateDatabase();
  const std::string payments_database_ = postgres_.CreateDatabase();
  const std::unique_ptr<PostgresPool> user_pool_ = MakePoolAt(users_database_, user::Schema());
  const std::unique_ptr<PostgresPool> order_pool_ = MakePoolAt(orders_database_, order::Schema());
  const std::unique_ptr<PostgresPool> payment_pool_ =
      MakePoolAt(payments_database_, payment::Schema());
  Outbox user_outbox_{*user_pool_, user::PublishedStreams()};
  Outbox order_outbox_{*order_pool_, order::PublishedStreams()};
  Outbox payment_outbox_{*payment_pool_, payment::PublishedStreams()};
  const std::unique_ptr<user::UserRepository> users_ =
      user::MakeUserRepository(*user_pool_, user_outbox_);
  const std::unique_ptr<order::OrderRepository> orders_ =
      order::MakeOrderRepository(*order_pool_, order_outbox_);
  const std::unique_ptr<payment::PaymentRepository> payments_ =
      payment::MakePaymentRepository(*payment_pool_, payment_outbox_);
  NoProvider provider_;
  testing::FakeRevocations revocations_;
  user::UserService user_service_{*users_, revocations_};
  order::OrderService order_service_{*orders_};
  payment::PaymentService payment_service_{*payments_, provider_, seconds(5), SystemClock()};
  WorkerPool workers_{4, 1000};
  ServiceCalls calls_{workers_, *logger_, *metrics_, SystemClock()};
  const std::unique_ptr<grpc::Service> user_rpc_ = user::MakeUserRpc(user_service_, calls_);
  const std::unique_ptr<grpc::Service> order_rpc_ = order::MakeOrderRpc(order_service_, calls_);
  const std::unique_ptr<grpc::Service> payment_rpc_ =
      payment::MakePaymentRpc(payment_service_, calls_);
  testing::SocketPath path_;
  testing::RpcServer server_{path_.target(),
                             {user_rpc_.get(), order_rpc_.get(), payment_rpc_.get()}};
};

// What a client gets, without what is about this answer only.
struct Answer {
  absl::Status status;
  std::string body;
  CacheResult cache = CacheResult::kNone;

  bool Is(const Answer& other) const { return status == other.status && body == other.body; }
};

// The handlers of private reads over cache and coalescer, on two loops.
class ReadingGateway {
 public:
  struct Read {
    std::string name;
    gateway::Handler handle;
    // Fills in what the path and the query say.
    std::function<void(TestRequest&)> ask;
  };

  ReadingGateway(const std::string& target, const testing::PrivateRedis& redis, bool cached,
                 bool coalesced)
      : redis_("redis-cache", redis.server(), {}, loops_.executors(), SystemClock(),
               loops_.logger(), loops_.metrics()),
        cache_({.user_ttl = std::chrono::milliseconds(20),
                .order_ttl = std::chrono::milliseconds(20),
                .payment_ttl = std::chrono::milliseconds(20),
                .list_ttl = std::chrono::milliseconds(20),
                .negative_ttl = std::chrono::milliseconds(20)},
               redis_, loops_.executors(), SystemClock(), loops_.logger(), loops_.metrics(),
               gateway::MakeTokenSource()),
        backends_(gateway::MakeBackends({{"user", target}, {"order", target}, {"payment", target}},
                                        guards_.parts())) {
    EXPECT_TRUE(backends_.WaitUntilConnected(seconds(10)));
    const gateway::CoalescingParts parts{{}, loops_.executors(), SystemClock(), loops_.logger()};
    const gateway::CoalescingParts* const coalescing = coalesced ? &parts : nullptr;
    users_ = gateway::MakeUserBackend(backends_.Get("user"), coalescing);
    orders_ = gateway::MakeOrderBackend(backends_.Get("order"), coalescing);
    payments_ = gateway::MakePaymentBackend(backends_.Get("payment"), coalescing);
    if (cached) {
      CacheUsers(cache_, backends_.Get("user"), users_);
      CacheOrders(cache_, backends_.Get("order"), orders_);
      CachePayments(cache_, backends_.Get("payment"), payments_);
    }
    redis_.Start();
    loops_.Start();
    for (const std::size_t loop : {0u, 1u}) {
      EXPECT_TRUE(Eventually([&] { return redis_.Of(loops_.at(loop)).up(); }));
    }
  }
  ~ReadingGateway() {
    EXPECT_TRUE(Eventually([this] { return cache_.idle(); }));
    loops_.Stop();
    EXPECT_TRUE(backends_.WaitForCallbacks());
  }

  std::future<Answer> Begin(const Read& read, const Principal& reader, std::size_t loop = 0,
                            bool revalidate = false) {
    auto request = std::make_shared<TestRequest>();
    read.ask(*request);
    return loops_.Begin<Answer>(
        [&read, reader, revalidate, request](RequestContext& context) {
          context.principal = reader;
          context.revalidate = revalidate;
          return Finish(context, read.handle(context, *request));
        },
        seconds(60), loop);
  }
  Answer Get(const Read& read, const Principal& reader, std::size_t loop = 0) {
    return Begin(read, reader, loop).get();
  }

  // All routes of the table that only users may read, and lists with and without a filter.
  std::vector<Read> Reads() {
    const auto nothing = [](TestRequest&) {};
    const auto id = [](const char* value) {
      return [value](TestRequest& request) { request.Path("id", value); };
    };
    const auto of_seven = [](TestRequest& request) { request.Query("user_id", "7"); };
    return {
        {"user", Handle<&gateway::UserHandlers::Get>(user_handlers_), id("7")},
        {"overview", Handle<&gateway::OverviewHandlers::Get>(overview_handlers_), id("7")},
        {"order", Handle<&gateway::OrderHandlers::Get>(order_handlers_), id("2")},
        {"orders", Handle<&gateway::OrderHandlers::List>(order_handlers_), nothing},
        {"orders of 7", Handle<&gateway::OrderHandlers::List>(order_handlers_), of_seven},
        {"payment", Handle<&gateway::PaymentHandlers::Get>(payment_handlers_), id("2")},
        {"payments", Handle<&gateway::PaymentHandlers::List>(payment_handlers_), nothing},
        {"payments of 7", Handle<&gateway::PaymentHandlers::List>(payment_handlers_), of_seven}};
  }

  gateway::Backends& backends() { return backends_; }

 private:
  template <auto kVerb, typename Handlers>
  static gateway::Handler Handle(Handlers& handlers) {
    return [&handlers](RequestContext& context, const gateway::Request& request) {
      return (handlers.*kVerb)(context, request);
    };
  }

  static Task<Answer> Finish(RequestContext& context, Task<absl::StatusOr<Response>> handling) {
    const absl::StatusOr<Response> response = co_await handling;
    Answer answer;
    answer.status = response.status();
    answer.cache = context.cache.result;
    if (response.ok()) {
      answer.body =
          response->body.substr(0, response->content_bytes.value_or(response->body.size()));
    }
    co_return answer;
  }

  testing::RunningLoops loops_{2};
  gateway::LoopRedis redis_;
  gateway::ReadCache cache_;
  testing::GuardFixture guards_{SystemClock(), loops_.metrics(), loops_.logger()};
  gateway::Backends backends_;
  gateway::UserBackend users_;
  gateway::OrderBackend orders_;
  gateway::PaymentBackend payments_;
  const std::unique_ptr<gateway::LoginRateLimit> rates_ = gateway::MakeNoLoginRateLimit();
  gateway::UserHandlers user_handlers_{users_, *rates_};
  gateway::OrderHandlers order_handlers_{orders_};
  gateway::PaymentHandlers payment_handlers_{payments_};
  gateway::OverviewHandlers overview_handlers_{users_, orders_, payments_};
};

// With the cache or without, with the coalescer or without.
class PrivateReadsTest : public RealServices,
                         public ::testing::WithParamInterface<std::tuple<bool, bool>> {
 protected:
  PrivateReadsTest() {
    // What the services answer each reader that asks alone.
    ReadingGateway plain(path_.target(), redis_, false, false);
    for (const ReadingGateway::Read& read : plain.Reads()) {
      for (const Principal& reader : kReaders) {
        expected_.push_back(plain.Get(read, reader));
      }
    }
  }

  const Answer& Expected(std::size_t read, std::size_t reader) const {
    return expected_[read * kReaders.size() + reader];
  }

  void ExpectOwn(std::size_t read, std::size_t reader, const Answer& answer) {
    const Answer& expected = Expected(read, reader);
    EXPECT_TRUE(answer.Is(expected))
        << reads_[read].name << " by " << RoleName(kReaders[reader].role)
        << kReaders[reader].user_id << ": " << answer.status << answer.body << "\ninstead of "
        << expected.status << expected.body;
  }

  // Nothing is left in the cache.
  void Flush() { redis_.Ask({"FLUSHALL"}); }

  std::vector<Answer> expected_;
  testing::PrivateRedis redis_;
  ReadingGateway gateway_{path_.target(), redis_, std::get<0>(GetParam()), std::get<1>(GetParam())};
  const std::vector<ReadingGateway::Read> reads_ = gateway_.Reads();
  std::mt19937 random_{20261122};
};

TEST_P(PrivateReadsTest, TheServicesTellOwnersAndStrangersApart) {
  for (std::size_t read = 0; read < reads_.size(); ++read) {
    SCOPED_TRACE(reads_[read].name);
    // A list without a filter is the reader's own.
    const bool own_list = reads_[read].name == "orders" || reads_[read].name == "payments";
    for (std::size_t reader = 0; reader < kReaders.size(); ++reader) {
      const Answer& answer = Expected(read, reader);
      EXPECT_EQ(answer.status.ok(), own_list || MayRead(kReaders[reader])) << answer.status;
      if (!answer.status.ok()) {
        EXPECT_TRUE(absl::IsNotFound(answer.status)) << answer.status;
      }
    }
    EXPECT_FALSE(Expected(read, 0).Is(Expected(read, 1)));
  }
}

// Both orders, on one loop and on two, in a cache that knows nothing yet.
TEST_P(PrivateReadsTest, OneAfterTheOtherEachGetsItsOwn) {
  for (std::size_t read = 0; read < reads_.size(); ++read) {
    for (std::size_t first = 0; first < kReaders.size(); ++first) {
      for (std::size_t second = 0; second < kReaders.size(); ++second) {
        if (first == second) continue;
        Flush();
        for (const std::size_t loop : {0u, 1u}) {
          ExpectOwn(read, first, gateway_.Get(reads_[read], kReaders[first], 0));
          ExpectOwn(read, second, gateway_.Get(reads_[read], kReaders[second], loop));
        }
      }
    }
  }
}

// All readers of one thing, in any order, in the same turns of two loops; some revalidate.
TEST_P(PrivateReadsTest, AtOnceEachGetsItsOwn) {
  constexpr int kRounds = 60;
  constexpr std::size_t kTimes = 4;
  for (int round = 0; round < kRounds; ++round) {
    if (round % 3 == 0) Flush();
    const std::size_t read = static_cast<std::size_t>(round) % reads_.size();
    std::vector<std::size_t> readers;
    for (std::size_t i = 0; i < kTimes * kReaders.size(); ++i)
      readers.push_back(i % kReaders.size());
    std::ranges::shuffle(readers, random_);
    std::vector<std::future<Answer>> answers;
    for (const std::size_t reader : readers) {
      answers.push_back(
          gateway_.Begin(reads_[read], kReaders[reader], random_() % 2, random_() % 8 == 0));
    }
    for (std::size_t i = 0; i < readers.size(); ++i) ExpectOwn(read, readers[i], answers[i].get());
  }
}

// Everything by everyone at once, over and over, fresh, stale and absent.
TEST_P(PrivateReadsTest, WhateverElseIsReadEachGetsItsOwn) {
  constexpr int kRounds = 25;
  constexpr int kReadsARound = 96;
  for (int round = 0; round < kRounds; ++round) {
    if (round % 5 == 0) Flush();
    std::vector<std::pair<std::size_t, std::size_t>> asked;
    std::vector<std::future<Answer>> answers;
    for (int i = 0; i < kReadsARound; ++i) {
      asked.emplace_back(random_() % reads_.size(), random_() % kReaders.size());
      answers.push_back(gateway_.Begin(reads_[asked.back().first], kReaders[asked.back().second],
                                       random_() % 2, random_() % 8 == 0));
    }
    for (std::size_t i = 0; i < asked.size(); ++i) {
      ExpectOwn(asked[i].first, asked[i].second, answers[i].get());
    }
  }
  const auto& [cached, coalesced] = GetParam();
  gateway::Backend& order = gateway_.backends().Get("order");
  std::int64_t keys = 0;
  std::int64_t batches = 0;
  for (auto& coalescer : order.coalescers) {
    keys += coalescer.counts().keys;
    batches += coalescer.counts().batches;
  }
  EXPECT_EQ(keys > batches, coalesced) << "reads of different principals travel together";
  std::int64_t hits = 0;
  for (auto& method : order.cached) hits += method.counts().hits;
  EXPECT_EQ(hits > 0, cached);
}

INSTANTIATE_TEST_SUITE_P(CacheAndCoalescer, PrivateReadsTest,
                         ::testing::Combine(::testing::Bool(), ::testing::Bool()),
                         [](const auto& mode) {
                           return std::string(std::get<0>(mode.param) ? "Cached" : "Uncached") +
                                  (std::get<1>(mode.param) ? "Coalesced" : "Alone");
                         });

}  // namespace
}  // namespace scaleout
