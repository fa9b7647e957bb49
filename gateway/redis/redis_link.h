// One event loop's connection to one Redis server, and how a coroutine asks over it.
//
//   const std::string_view command[] = {"GET", key};
//   RedisCall call(link, context, command, until);
//   absl::StatusOr<RedisReply> reply = co_await call;
//
// The link connects by itself and again after the connection has broken, after pauses that double
// from retry_min to retry_max. Commands of a turn leave in one write at its end, which is the
// pipelining. No call waits longer than command_timeout, and one frozen server does not cost that
// each time, because the link is a circuit breaker, too:
//
//   UP        commands are sent
//   STALLED   a command was not answered within command_timeout (its caller may have had less
//             time): others are refused at once, until the server answers any of those that it has
//             (UP), or nothing for max_silence (DOWN)
//   DOWN      not connected, or the server has not let this connection in yet: refused at once
//
// A refused call is UNAVAILABLE and was not sent. One that was sent and has no answer
// (DEADLINE_EXCEEDED, or UNAVAILABLE when the connection broke) may be carried out all the same,
// also much later, by a server that thaws. Loop thread only, but for the constructor, the
// destructor (after the loop has ended) and `up`.
#ifndef SCALEOUT_GATEWAY_REDIS_REDIS_LINK_H_
#define SCALEOUT_GATEWAY_REDIS_REDIS_LINK_H_

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/member_job.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"
#include "redis/redis_address.h"
#include "redis/redis_connection.h"
#include "redis/redis_reply.h"
#include "redis/redis_resolver.h"
#include "redis/redis_script.h"

namespace scaleout::gateway {

struct RedisLinkConfig {
  // Of a command, from being asked to its reply; the loop's tick (10 ms) comes on top.
  std::chrono::milliseconds command_timeout{40};
  std::chrono::milliseconds max_silence{1'000};  // also for connecting and the password
  std::chrono::milliseconds retry_min{50};
  std::chrono::milliseconds retry_max{1'000};
  // Commands without a reply, and bytes that the socket does not take; above either, commands are
  // refused.
  std::size_t max_pending = 10'000;
  std::size_t max_unsent_bytes = 8 << 20;
};

// What the links to one server count, all loops together.
class RedisMetrics {
 public:
  // `server` is its name in metrics and logs: "redis-cache".
  RedisMetrics(std::string_view server, Metrics& metrics);
  RedisMetrics(const RedisMetrics&) = delete;
  RedisMetrics& operator=(const RedisMetrics&) = delete;

  const std::string server;
  Histogram& seconds;  // of commands that were answered
  Counter& answered;
  Counter& timed_out;
  Counter& broken;   // the connection broke before the reply
  Counter& refused;  // not sent
  Counter& connects;
  Gauge& links_up;
};

class RedisCall;

class RedisLink : private FdWatcher {
 public:
  // The references outlive the link. The resolver is destroyed before it, so that no answer comes
  // afterwards.
  RedisLink(RedisServer server, const RedisLinkConfig& config, Executor& loop, const Clock& clock,
            RedisResolver& resolver, Logger& logger, RedisMetrics& metrics);
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;
  ~RedisLink();

  // Begins to connect; the loop need not run yet. Once.
  void Start() { start_.PostTo(loop_); }

  // Whether the server answers. Any thread.
  bool up() const { return state_.load(std::memory_order_relaxed) == State::kUp; }
  // Whether a command would be sent now. Loop thread only.
  bool accepts() const;

  const RedisLinkConfig& config() const { return config_; }

 private:
  friend class RedisCall;
  enum class State { kWaiting, kResolving, kConnecting, kGreeting, kUp, kStalled };
  // A command on its way; without a call if its caller does not wait any more.
  struct Pending {
    RedisCall* call;
    MonotonicTime since;
  };

  void OnReady(FdEvents ready) override;

  void DoStart();
  void DoResolved();
  void Connect(const RedisAddress& address);
  void Greet();
  // The reply to the greeting's last command. Not OK ends the connection.
  absl::Status TakeGreeting(const RedisReply& reply);
  void EnterUp();

  void Append(std::span<const std::string_view> arguments, RedisCall& call);
  void FlushSoon();
  void Flush();
  // Reads once and gives out what there is. False if the connection broke.
  bool Receive();
  absl::Status Take(RedisReply reply, MonotonicTime now);
  void GiveOut(RedisReply reply, MonotonicTime now);
  // The time of the call that is command `number` is over.
  void Expire(std::uint64_t number);
  void CheckSilence();
  void Break(const absl::Status& why);

  const RedisServer server_;
  const RedisLinkConfig config_;
  Executor& loop_;
  const Clock& clock_;
  RedisResolver& resolver_;
  Logger& logger_;
  RedisMetrics& metrics_;

  std::atomic<State> state_{State::kWaiting};
  bool logged_down_ = false;
  std::chrono::milliseconds retry_pause_;
  std::unique_ptr<RedisConnection> connection_;
  bool flush_scheduled_ = false;
  bool watching_writable_ = false;
  std::size_t greetings_ = 0;  // replies to wait for before the link is up
  std::deque<Pending> pending_;
  std::uint64_t first_pending_ = 0;  // the number of its first command

  std::mutex resolved_mutex_;
  absl::StatusOr<RedisAddress> resolved_;

  MemberJob<RedisLink> start_{*this, &RedisLink::DoStart};
  MemberJob<RedisLink> resolved_job_{*this, &RedisLink::DoResolved};
  MemberJob<RedisLink> flush_{*this, &RedisLink::Flush};
  MemberJob<RedisLink, TimerJob> retry_{*this, &RedisLink::DoStart};
  MemberJob<RedisLink, TimerJob> silence_{*this, &RedisLink::CheckSilence};
};

// The awaitable of one command. A local of its coroutine, awaited once; `arguments` and what they
// view live until then.
class RedisCall : private TimerJob {
 public:
  // Gives up at `until`, and after the link's command_timeout.
  RedisCall(RedisLink& link, const RequestContext& context,
            std::span<const std::string_view> arguments,
            MonotonicTime until = MonotonicTime::max());
  RedisCall(const RedisCall&) = delete;
  RedisCall& operator=(const RedisCall&) = delete;

  bool await_ready();
  void await_suspend(std::coroutine_handle<> awaiter);
  // Errors of the server are statuses, too (RedisValue::status).
  absl::StatusOr<RedisReply> await_resume() { return *std::move(result_); }

 private:
  friend class RedisLink;

  void Run() override { link_.Expire(number_); }
  void End(absl::StatusOr<RedisReply> result);

  RedisLink& link_;
  const std::span<const std::string_view> arguments_;
  const MonotonicTime until_;
  MonotonicTime began_;
  std::uint64_t number_ = 0;
  std::optional<absl::StatusOr<RedisReply>> result_;
  std::coroutine_handle<> awaiter_;
};

// Runs a script by its hash, and by its text if the server does not know that.
Task<absl::StatusOr<RedisReply>> RunScript(RedisLink& link, const RequestContext& context,
                                           const RedisScript& script, std::vector<std::string> keys,
                                           std::vector<std::string> arguments,
                                           MonotonicTime until = MonotonicTime::max());

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_REDIS_REDIS_LINK_H_
