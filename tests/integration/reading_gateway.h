// The handlers of the API's private reads, over cache and coalescer, for services at one address.
#ifndef SCALEOUT_TESTS_INTEGRATION_READING_GATEWAY_H_
#define SCALEOUT_TESTS_INTEGRATION_READING_GATEWAY_H_

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "gateway/auth/token_keys.h"
#include "gateway/backends/auth_backend.h"
#include "gateway/backends/backends.h"
#include "gateway/backends/cached_backends.h"
#include "gateway/backends/coalesced_verb.h"
#include "gateway/handlers/auth_handlers.h"
#include "gateway/handlers/order_handlers.h"
#include "gateway/handlers/overview_handlers.h"
#include "gateway/handlers/payment_handlers.h"
#include "gateway/handlers/user_handlers.h"
#include "gateway/http/route.h"
#include "tests/gateway/redis/loop_redis_fixture.h"
#include "tests/integration/private_redis.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_login_rate_limit.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/request_fixture.h"

namespace scaleout::testing {

// What a client gets, without what is about this answer only.
struct ReadAnswer {
  absl::Status status;
  std::string body;
  gateway::CacheResult cache = gateway::CacheResult::kNone;

  bool Is(const ReadAnswer& other) const { return status == other.status && body == other.body; }
};

// The handlers of private reads over cache and coalescer, on two loops.
class ReadingGateway {
 public:
  struct Read {
    std::string name;
    std::string path;  // the route's
    gateway::Handler handle;
    // Fills in what the path and the query say.
    std::function<void(TestRequest&)> ask;
  };

  ReadingGateway(const std::string& target, const PrivateRedis& redis, bool cached, bool coalesced)
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
    EXPECT_TRUE(backends_.WaitUntilConnected(std::chrono::seconds(10)));
    const gateway::CoalescingParts parts{{}, loops_.executors(), SystemClock(), loops_.logger()};
    const gateway::CoalescingParts* const coalescing = coalesced ? &parts : nullptr;
    users_ = gateway::MakeUserBackend(backends_.Get("user"), coalescing);
    orders_ = gateway::MakeOrderBackend(backends_.Get("order"), coalescing);
    gateway::Backend& payment = backends_.Get("payment");
    payments_ = gateway::MakePaymentBackend(payment, payment.guard, coalescing);
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

  std::future<ReadAnswer> Begin(const Read& read, const Principal& reader, std::size_t loop = 0,
                                bool revalidate = false) {
    auto request = std::make_shared<TestRequest>();
    read.ask(*request);
    return loops_.Begin<ReadAnswer>(
        [&read, reader, revalidate, request](gateway::RequestContext& context) {
          context.principal = reader;
          context.revalidate = revalidate;
          return Finish(context, read.handle(context, *request));
        },
        std::chrono::seconds(60), loop);
  }
  ReadAnswer Get(const Read& read, const Principal& reader, std::size_t loop = 0) {
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
        {"user", "/api/users/{id}", Handle<&gateway::UserHandlers::Get>(user_handlers_), id("7")},
        {"me", "/api/auth/me", Handle<&gateway::AuthHandlers::Me>(auth_handlers_), nothing},
        {"overview", "/api/users/{id}/overview",
         Handle<&gateway::OverviewHandlers::Get>(overview_handlers_), id("7")},
        {"order", "/api/orders/{id}", Handle<&gateway::OrderHandlers::Get>(order_handlers_),
         id("2")},
        {"orders", "/api/orders", Handle<&gateway::OrderHandlers::List>(order_handlers_), nothing},
        {"orders of 7", "/api/orders", Handle<&gateway::OrderHandlers::List>(order_handlers_),
         of_seven},
        {"payment", "/api/payments/{id}", Handle<&gateway::PaymentHandlers::Get>(payment_handlers_),
         id("2")},
        {"payments", "/api/payments", Handle<&gateway::PaymentHandlers::List>(payment_handlers_),
         nothing},
        {"payments of 7", "/api/payments",
         Handle<&gateway::PaymentHandlers::List>(payment_handlers_), of_seven}};
  }

  gateway::Backends& backends() { return backends_; }

 private:
  template <auto kVerb, typename Handlers>
  static gateway::Handler Handle(Handlers& handlers) {
    return [&handlers](gateway::RequestContext& context, const gateway::Request& request) {
      return (handlers.*kVerb)(context, request);
    };
  }

  static gateway::Task<ReadAnswer> Finish(
      gateway::RequestContext& context, gateway::Task<absl::StatusOr<gateway::Response>> handling) {
    const absl::StatusOr<gateway::Response> response = co_await handling;
    ReadAnswer answer;
    answer.status = response.status();
    answer.cache = context.cache.result;
    if (response.ok()) {
      answer.body =
          response->body.substr(0, response->content_bytes.value_or(response->body.size()));
    }
    co_return answer;
  }

  RunningLoops loops_{2};
  gateway::LoopRedis redis_;
  gateway::ReadCache cache_;
  GuardFixture guards_{SystemClock(), loops_.metrics(), loops_.logger()};
  gateway::Backends backends_;
  gateway::UserBackend users_;
  gateway::OrderBackend orders_;
  gateway::PaymentBackend payments_;
  FakeLoginRateLimit rates_;
  gateway::UserHandlers user_handlers_{users_, rates_};
  gateway::OrderHandlers order_handlers_{orders_};
  gateway::PaymentHandlers payment_handlers_{payments_, orders_};
  gateway::OverviewHandlers overview_handlers_{users_, orders_, payments_};
  gateway::AuthBackend auth_;  // asked for nothing here
  gateway::AuthHandlers auth_handlers_{auth_, users_, rates_, gateway::TokenKeys()};
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_INTEGRATION_READING_GATEWAY_H_
