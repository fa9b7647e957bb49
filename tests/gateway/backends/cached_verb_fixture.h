// Gateways in small: loops, links to a private Redis and a cache each, in front of one service that
// is no process but a table of texts.
#ifndef SCALEOUT_TESTS_GATEWAY_BACKENDS_CACHED_VERB_FIXTURE_H_
#define SCALEOUT_TESTS_GATEWAY_BACKENDS_CACHED_VERB_FIXTURE_H_

#include <gmock/gmock.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "common/str_cat.h"
#include "gateway/backends/backend.h"
#include "gateway/backends/cached_verb.h"
#include "gateway/runtime/sleep.h"
#include "tests/gateway/redis/loop_redis_fixture.h"
#include "tests/support/fake_backends.h"

namespace scaleout::testing {

using Text = google::protobuf::StringValue;

inline Text MakeText(std::string_view value) {
  Text text;
  text.set_value(std::string(value));
  return text;
}

// Thread-safe. A read takes its value when it begins, and may be held before it answers; a write
// changes the value when it begins.
class TextService {
 public:
  gateway::Task<absl::StatusOr<Text>> Read(gateway::RequestContext& context, Text key) {
    absl::StatusOr<Text> answer = Look(key.value());
    while (held_.load() && !context.cancellation.cancelled()) {
      gateway::Sleep pause(context, std::chrono::milliseconds(1), gateway::Sleep::Precision::kFine);
      co_await pause;
    }
    if (context.cancellation.cancelled()) {
      cancelled_.fetch_add(1);
      co_return absl::CancelledError("The client is gone.");
    }
    co_return answer;
  }

  // "key=value"
  gateway::Task<absl::StatusOr<Text>> Write(gateway::RequestContext&, Text change) {
    const std::size_t equals = change.value().find('=');
    Set(change.value().substr(0, equals), change.value().substr(equals + 1));
    co_return write_status_.ok() ? absl::StatusOr<Text>(change) : write_status_;
  }

  void Set(const std::string& key, const std::string& value) {
    const std::lock_guard lock(mutex_);
    values_[key] = value;
  }
  // From now on reads end so; OK: with the value.
  void Fail(absl::Status status) {
    const std::lock_guard lock(mutex_);
    status_ = std::move(status);
  }
  // Writes are carried out, and end so.
  void FailWrites(absl::Status status) { write_status_ = std::move(status); }
  void Hold() { held_ = true; }
  void Release() { held_ = false; }
  int asked() const { return asked_.load(); }
  int cancelled() const { return cancelled_.load(); }

 private:
  absl::StatusOr<Text> Look(const std::string& key) {
    const std::lock_guard lock(mutex_);
    asked_.fetch_add(1);
    if (!status_.ok()) return status_;
    const auto found = values_.find(key);
    if (found == values_.end()) {
      return WithReason(absl::NotFoundError(StrCat("there is no ", key)), "NO_TEXT");
    }
    return MakeText(found->second);
  }

  std::mutex mutex_;
  std::map<std::string, std::string> values_;
  absl::Status status_;
  absl::Status write_status_;
  std::atomic<bool> held_{false};
  std::atomic<int> asked_{0};
  std::atomic<int> cancelled_{0};
};

// What became of a read.
struct ReadOutcome {
  std::string text;  // or the error's message
  absl::StatusCode code = absl::StatusCode::kOk;
  gateway::CacheNote note;

  gateway::CacheResult result() const { return note.result; }
};

class SmallGateway {
 public:
  SmallGateway(TextService& service, const RedisServer& server,
               const gateway::CacheConfig& config = {}, const gateway::RedisLinkConfig& link = {},
               std::size_t loops = 1)
      : loops_(loops),
        redis_("redis-cache", server, link, loops_.executors(), SystemClock(), loops_.logger(),
               loops_.metrics()),
        cache_(config, redis_, loops_.executors(), SystemClock(), loops_.logger(), loops_.metrics(),
               gateway::MakeTokenSource()),
        guards_(SystemClock(), loops_.metrics(), loops_.logger()),
        backend_("text", guards_.parts(),
                 std::make_unique<FakeBackendHealth>(gateway::ServingState::kServing)) {
    read_ = [&service](gateway::RequestContext& context, Text key) {
      return service.Read(context, std::move(key));
    };
    write_ = [&service](gateway::RequestContext& context, Text change) {
      return service.Write(context, std::move(change));
    };
    gateway::CacheReads(cache_, backend_, "Read", config.user_ttl, read_,
                        [](const Text& key) -> std::optional<gateway::CacheQuery> {
                          if (key.value().starts_with("uncached")) return std::nullopt;
                          return gateway::CacheQuery(key.value(), {key.value()});
                        });
    gateway::InvalidateAfter(cache_, write_, [](const Text& change, const absl::StatusOr<Text>&) {
      return std::vector{change.value().substr(0, change.value().find('='))};
    });
    redis_.Start();
    loops_.Start();
  }
  ~SmallGateway() {
    EXPECT_TRUE(Eventually([this] { return cache_.idle(); }));
    loops_.Stop();
  }

  bool IsUp(std::size_t loop = 0) {
    return Eventually([this, loop] { return redis_.Of(loops_.at(loop)).up(); });
  }

  std::future<ReadOutcome> BeginRead(const std::string& key, bool revalidate = false,
                                     Duration deadline = std::chrono::seconds(10),
                                     std::size_t loop = 0) {
    return loops_.Begin<ReadOutcome>(
        [this, key, revalidate](gateway::RequestContext& context) {
          context.revalidate = revalidate;
          return DoRead(context, key);
        },
        deadline, loop);
  }
  ReadOutcome Read(const std::string& key, bool revalidate = false) {
    return BeginRead(key, revalidate).get();
  }
  // Reads until that is a hit: a value is stored beside its answer, not before it.
  bool Warm(const std::string& key) {
    return Eventually([&] { return Read(key).result() == gateway::CacheResult::kHit; });
  }
  // A read whose client leaves when `gone` is called.
  std::future<ReadOutcome> BeginReadOf(const std::string& key,
                                       gateway::Cancellation*& cancellation) {
    return loops_.Begin<ReadOutcome>([this, key, &cancellation](gateway::RequestContext& context) {
      cancellation = &context.cancellation;
      return DoRead(context, key);
    });
  }
  absl::Status Write(const std::string& key, const std::string& value, std::size_t loop = 0) {
    return loops_.Await<absl::Status>(
        [this, key, value](gateway::RequestContext& context) {
          return DoWrite(context, StrCat(key, "=", value));
        },
        std::chrono::seconds(10), loop);
  }

  const RunningLoops& loops() const { return loops_; }
  gateway::ReadCache& cache() { return cache_; }
  gateway::CacheMethodMetrics& metrics() { return backend_.cached.front(); }

 private:
  gateway::Task<ReadOutcome> DoRead(gateway::RequestContext& context, std::string key) {
    gateway::Task<absl::StatusOr<Text>> reading = read_(context, MakeText(key));
    const absl::StatusOr<Text> answer = co_await reading;
    ReadOutcome outcome;
    outcome.note = context.cache;
    outcome.code = answer.status().code();
    outcome.text = answer.ok() ? answer->value() : std::string(answer.status().message());
    co_return outcome;
  }
  gateway::Task<absl::Status> DoWrite(gateway::RequestContext& context, std::string change) {
    gateway::Task<absl::StatusOr<Text>> writing = write_(context, MakeText(change));
    const absl::StatusOr<Text> answer = co_await writing;
    co_return answer.status();
  }

  RunningLoops loops_;
  gateway::LoopRedis redis_;
  gateway::ReadCache cache_;
  GuardFixture guards_;
  gateway::Backend backend_;
  gateway::Verb<Text, Text> read_;
  gateway::Verb<Text, Text> write_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_GATEWAY_BACKENDS_CACHED_VERB_FIXTURE_H_
