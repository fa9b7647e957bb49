// Every private read of the API, by every kind of principal and in every order, through handlers,
// cache and coalescer to the real services, PostgreSQL and Redis: each reader gets the answer that
// is its own, whatever others asked before it, at the same time, or after it.
#include <gmock/gmock.h>
#include <grpcpp/impl/codegen/service_type.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "gateway/routes.h"
#include "service/service_calls.h"
#include "services/order/order_events.h"
#include "services/order/order_rpc.h"
#include "services/order/order_service.h"
#include "services/order/schema.h"
#include "services/payment/payment_rpc.h"
#include "services/payment/payment_service.h"
#include "services/payment/schema.h"
#include "services/user/schema.h"
#include "services/user/user_events.h"
#include "services/user/user_rpc.h"
#include "services/user/user_service.h"
#include "tests/integration/pool_fixture.h"
#include "tests/integration/reading_gateway.h"
#include "tests/services/payment/fake_charges.h"
#include "tests/services/payment/fake_provider.h"
#include "tests/support/fake_revocations.h"
#include "tests/support/principals.h"
#include "tests/support/rpc_server.h"
#include "tests/support/socket_path.h"

namespace scaleout {
namespace {

using testing::Admin;
using testing::Customer;
using testing::ReadAnswer;
using testing::ReadingGateway;

// The owner of what is read, another customer, an admin, and the lab.
constexpr Principal kOwner = Customer(7);
constexpr Principal kStranger = Customer(8);
const std::vector<Principal> kReaders = {kOwner, kStranger, Admin(1), kLabPrincipal};

// Who may read what is user 7's.
bool MayRead(const Principal& principal) { return principal != kStranger; }

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
  const std::unique_ptr<user::UserRepository> users_ =
      user::MakeUserRepository(*user_pool_, user_outbox_);
  const std::unique_ptr<order::OrderRepository> orders_ =
      order::MakeOrderRepository(*order_pool_, order_outbox_);
  const std::unique_ptr<payment::PaymentRepository> payments_ =
      payment::MakePaymentRepository(*payment_pool_);
  // No payment is made here.
  payment::FakeCharges charges_;
  payment::FakeProvider provider_;
  payment::TokenBulkhead bulkhead_{1};
  testing::FakeRevocations revocations_;
  const std::unique_ptr<IdempotentWrites> user_writes_ = MakeIdempotentWrites(user_outbox_);
  const std::unique_ptr<IdempotentWrites> order_writes_ = MakeIdempotentWrites(order_outbox_);
  user::UserService user_service_{*users_, *user_writes_, revocations_};
  const std::unique_ptr<order::ReservationRepository> reservations_ =
      order::MakeReservationRepository(*order_pool_, order_outbox_);
  order::OrderService order_service_{*orders_, *reservations_, *order_writes_};
  payment::PaymentService payment_service_{*payments_, charges_, provider_, bulkhead_,
                                           SystemClock()};
  WorkerPool workers_{4, 1000};
  ServiceCalls calls_{workers_, *logger_, *metrics_, SystemClock()};
  const std::unique_ptr<grpc::Service> user_rpc_ = user::MakeUserRpc(user_service_, calls_);
  const std::unique_ptr<grpc::Service> order_rpc_ = order::MakeOrderRpc(order_service_, calls_);
  const std::unique_ptr<grpc::Service> payment_rpc_ =
      payment::MakePaymentRpc(payment_service_, calls_, calls_);
  testing::SocketPath path_;
  testing::RpcServer server_{path_.target(),
                             {user_rpc_.get(), order_rpc_.get(), payment_rpc_.get()}};
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

  const ReadAnswer& Expected(std::size_t read, std::size_t reader) const {
    return expected_[read * kReaders.size() + reader];
  }

  void ExpectOwn(std::size_t read, std::size_t reader, const ReadAnswer& answer) {
    const ReadAnswer& expected = Expected(read, reader);
    EXPECT_TRUE(answer.Is(expected))
        << reads_[read].name << " by " << RoleName(kReaders[reader].role)
        << kReaders[reader].user_id << ": " << answer.status << answer.body << "\ninstead of "
        << expected.status << expected.body;
  }

  // Nothing is left in the cache.
  void Flush() { redis_.Ask({"FLUSHALL"}); }

  std::vector<ReadAnswer> expected_;
  testing::PrivateRedis redis_;
  ReadingGateway gateway_{path_.target(), redis_, std::get<0>(GetParam()), std::get<1>(GetParam())};
  const std::vector<ReadingGateway::Read> reads_ = gateway_.Reads();
  std::mt19937 random_{20261122};
};

TEST_P(PrivateReadsTest, AreAllThatTheTableOfRoutesHas) {
  const std::vector<std::string> lines = absl::StrSplit(gateway::DescribeRoutes(), '\n');
  std::set<std::string> in_table;
  for (const std::string& line : lines) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() < 3 || words[0] != "GET") continue;
    if (words[2] == "user" || words[2] == "admin") in_table.insert(words[1]);
  }
  std::set<std::string> here;
  for (const ReadingGateway::Read& read : reads_) here.insert(read.path);
  EXPECT_EQ(here, in_table);
}

TEST_P(PrivateReadsTest, TheServicesTellOwnersAndStrangersApart) {
  for (std::size_t read = 0; read < reads_.size(); ++read) {
    SCOPED_TRACE(reads_[read].name);
    // A list without a filter, and "me", are the reader's own.
    const std::string& name = reads_[read].name;
    const bool own = name == "orders" || name == "payments" || name == "me";
    for (std::size_t reader = 0; reader < kReaders.size(); ++reader) {
      const ReadAnswer& answer = Expected(read, reader);
      EXPECT_EQ(answer.status.ok(), own || MayRead(kReaders[reader])) << answer.status;
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
    std::vector<std::future<ReadAnswer>> answers;
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
    std::vector<std::future<ReadAnswer>> answers;
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
