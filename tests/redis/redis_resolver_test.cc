// Names are looked up by this program's own getaddrinfo.
#include "redis/redis_resolver.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "tests/support/eventually.h"

namespace {

// This name is looked up for as long as a test holds `released`; `looking` counts how many are.
constexpr const char* kSlowName = "slow.invalid";
constexpr const char* kKnownName = "known.invalid";
constexpr const char* kUnknownName = "unknown.invalid";
struct SlowLookup {
  std::shared_future<void> released;
  std::atomic<int> looking = 0;
};
SlowLookup& Slow() {
  static SlowLookup lookup;
  return lookup;
}

}  // namespace

// Takes the place of the C library's for the whole program.
extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* node,
                                                                  const char* service,
                                                                  const addrinfo* hints,
                                                                  addrinfo** found) {
  const bool may_look_up = hints == nullptr || (hints->ai_flags & AI_NUMERICHOST) == 0;
  if (may_look_up && node != nullptr) {
    if (std::strcmp(node, kUnknownName) == 0) return EAI_NONAME;
    if (std::strcmp(node, kSlowName) == 0) {
      ++Slow().looking;
      Slow().released.wait();
      return EAI_AGAIN;
    }
    if (std::strcmp(node, kKnownName) == 0) node = "192.0.2.7";
  }
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto libc = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return libc(node, service, hints, found);
}

namespace scaleout {
namespace {

using testing::Eventually;
using ::testing::HasSubstr;

using Result = absl::StatusOr<RedisAddress>;

RedisAddress Host(std::string_view host) {
  return {.unix_path = "", .host = std::string(host), .port = 6379};
}

// Resolves and waits.
Result Resolve(RedisResolver& resolver, const RedisAddress& address) {
  std::promise<Result> done;
  resolver.Resolve(address, [&done](Result result) { done.set_value(std::move(result)); });
  return done.get_future().get();
}

// Whether a thread of this program waits for something.
bool Sleeps(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  const std::string stat{std::istreambuf_iterator<char>(file), {}};
  // id (name) state; the name may hold anything.
  const std::size_t name_end = stat.rfind(") ");
  return name_end != std::string::npos && stat[name_end + 2] == 'S';
}

// Holds the lookup of kSlowName, in the one resolver that the test has.
class RedisResolverTest : public ::testing::Test {
 protected:
  RedisResolverTest() {
    Slow().released = release_.get_future().share();
    Slow().looking = 0;
  }
  void HoldThread() {
    resolver_->Resolve(Host(kSlowName), [this](const Result&) { ++slow_calls_; });
    ASSERT_TRUE(Eventually([] { return Slow().looking == 1; }));
  }
  void Release() { release_.set_value(); }

  std::atomic<int> slow_calls_ = 0;
  std::unique_ptr<RedisResolver> resolver_ = std::make_unique<RedisResolver>();

 private:
  std::promise<void> release_;
};

TEST_F(RedisResolverTest, ResolvesNameToFirstAddressAndKeepsPort) {
  const Result result = Resolve(*resolver_, Host(kKnownName));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result, Host("192.0.2.7"));
}

TEST_F(RedisResolverTest, ResolvesLocalhost) {
  const Result result = Resolve(*resolver_, Host("localhost"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->host == "127.0.0.1" || result->host == "::1") << result->host;
}

TEST_F(RedisResolverTest, AnswersUnavailableForUnknownName) {
  const Result result = Resolve(*resolver_, Host(kUnknownName));
  EXPECT_TRUE(absl::IsUnavailable(result.status())) << result.status();
  EXPECT_THAT(std::string(result.status().message()), HasSubstr(kUnknownName));
}

// A name that takes long must not hold an address back that needs no name server.
TEST_F(RedisResolverTest, AnswersAddressWithoutNameAtOnceByCaller) {
  HoldThread();
  const RedisAddress path{.unix_path = "/run/redis.sock", .host = "", .port = 0};
  for (const RedisAddress& address : {Host("127.0.0.1"), Host("::1"), path}) {
    std::thread::id thread;
    resolver_->Resolve(address, [&](const Result& result) {
      thread = std::this_thread::get_id();
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(*result, address);
    });
    EXPECT_EQ(thread, std::this_thread::get_id()) << address.host;
  }
  Release();
}

TEST_F(RedisResolverTest, AnswersOneAfterTheOther) {
  HoldThread();
  std::promise<Result> done;
  resolver_->Resolve(Host(kKnownName), [&](Result result) {
    EXPECT_EQ(slow_calls_, 1);
    done.set_value(std::move(result));
  });
  Release();
  EXPECT_TRUE(done.get_future().get().ok());
}

TEST_F(RedisResolverTest, RefusesRequestsBeyondItsQueue) {
  HoldThread();
  std::atomic<int> refused = 0;
  for (std::size_t i = 0; i <= RedisResolver::kMaxWaiting; ++i) {
    resolver_->Resolve(Host(kSlowName), [&](const Result& result) {
      EXPECT_TRUE(absl::IsUnavailable(result.status()));
      ++refused;
    });
    EXPECT_EQ(refused, i < RedisResolver::kMaxWaiting ? 0 : 1);
  }
  Release();
  resolver_.reset();  // what waits uses `refused`
}

TEST_F(RedisResolverTest, WaitsForRequestAtWorkWhenDestroyedAndDropsOthers) {
  HoldThread();
  std::atomic<bool> called = false;
  resolver_->Resolve(Host(kKnownName), [&](const Result&) { called = true; });
  std::atomic<pid_t> destroyer_id = 0;
  std::atomic<bool> destroyed = false;
  std::thread destroyer([&] {
    destroyer_id = gettid();
    resolver_.reset();
    destroyed = true;
  });
  ASSERT_TRUE(Eventually([&] { return destroyer_id != 0 && Sleeps(destroyer_id); }));
  EXPECT_FALSE(destroyed);
  EXPECT_EQ(slow_calls_, 0);
  Release();
  destroyer.join();
  EXPECT_EQ(slow_calls_, 1);
  EXPECT_FALSE(called);
}

TEST(ResolveRedisAddress, ResolvesOnThreadOfCaller) {
  const Result result = ResolveRedisAddress(Host(kKnownName));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result, Host("192.0.2.7"));
  EXPECT_TRUE(absl::IsUnavailable(ResolveRedisAddress(Host(kUnknownName)).status()));
}

}  // namespace
}  // namespace scaleout
