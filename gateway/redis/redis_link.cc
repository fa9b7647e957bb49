#include "gateway/redis/redis_link.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/str_cat.h"
#include "gateway/runtime/early_end.h"

namespace scaleout::gateway {
namespace {

absl::Status Refused() { return absl::UnavailableError("Redis is away."); }

// Reads for one call whose time is over, to find its reply among those that wait in the socket.
constexpr int kLastReads = 64;

}  // namespace

RedisMetrics::RedisMetrics(std::string_view server_in, Metrics& metrics)
    : server(server_in),
      seconds(metrics.AddHistogram(
          "redis_command_duration_seconds", "Time from asking a command to its reply.",
          {0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1},
          {{"server", server}})),
      answered(metrics.AddCounter("redis_commands_total", "Commands, by how they ended.",
                                  {{"server", server}, {"outcome", "answered"}})),
      timed_out(metrics.AddCounter("redis_commands_total", "Commands, by how they ended.",
                                   {{"server", server}, {"outcome", "timed_out"}})),
      broken(metrics.AddCounter("redis_commands_total", "Commands, by how they ended.",
                                {{"server", server}, {"outcome", "broken"}})),
      refused(metrics.AddCounter("redis_commands_total", "Commands, by how they ended.",
                                 {{"server", server}, {"outcome", "refused"}})),
      connects(metrics.AddCounter("redis_connects_total", "Connections that the server let in.",
                                  {{"server", server}})),
      links_up(metrics.AddGauge("redis_links_up", "Loops whose connection answers.",
                                {{"server", server}})) {}

RedisLink::RedisLink(RedisServer server, const RedisLinkConfig& config, Executor& loop,
                     const Clock& clock, RedisResolver& resolver, Logger& logger,
                     RedisMetrics& metrics)
    : server_(std::move(server)),
      config_(config),
      loop_(loop),
      clock_(clock),
      resolver_(resolver),
      logger_(logger),
      metrics_(metrics),
      retry_pause_(config.retry_min),
      resolved_(absl::UnknownError("not resolved yet")) {}

// Timers are left armed: the loop has ended, and others that it has in its queue may be gone.
RedisLink::~RedisLink() {
  if (connection_ != nullptr) loop_.Unwatch(connection_->fd());
}

bool RedisLink::accepts() const {
  return up() && pending_.size() < config_.max_pending &&
         connection_->unsent() < config_.max_unsent_bytes;
}

// Connecting

void RedisLink::DoStart() {
  state_ = State::kResolving;
  resolver_.Resolve(server_.address, [this](absl::StatusOr<RedisAddress> resolved) {
    {
      const std::lock_guard lock(resolved_mutex_);
      resolved_ = std::move(resolved);
    }
    resolved_job_.PostTo(loop_);
  });
}

void RedisLink::DoResolved() {
  absl::StatusOr<RedisAddress> address = absl::UnknownError("");
  {
    const std::lock_guard lock(resolved_mutex_);
    address = resolved_;
  }
  if (!address.ok()) return Break(address.status());
  Connect(*address);
}

void RedisLink::Connect(const RedisAddress& address) {
  absl::StatusOr<std::unique_ptr<RedisConnection>> connection = RedisConnection::Connect(address);
  if (!connection.ok()) return Break(connection.status());
  connection_ = *std::move(connection);
  state_ = State::kConnecting;
  loop_.After(config_.max_silence, silence_);
  watching_writable_ = true;
  if (!loop_.Watch(connection_->fd(), {.readable = true, .writable = true}, *this)) {
    Break(absl::UnavailableError("The loop cannot watch the connection."));
  }
}

void RedisLink::Greet() {
  state_ = State::kGreeting;
  greetings_ = 0;
  if (!server_.password.empty()) {
    connection_->Append({"AUTH", server_.password});
    ++greetings_;
  }
  connection_->Append({"PING"});
  ++greetings_;
  FlushSoon();
}

absl::Status RedisLink::TakeGreeting(const RedisReply& reply) {
  if (absl::Status status = reply.status(); !status.ok()) return status;
  if (--greetings_ == 0) EnterUp();
  return absl::OkStatus();
}

void RedisLink::EnterUp() {
  state_ = State::kUp;
  retry_pause_ = config_.retry_min;
  loop_.Cancel(silence_);
  metrics_.connects.Increment();
  metrics_.links_up.Add(1);
  if (std::exchange(logged_down_, false)) {
    logger_.Info("redis is back",
                 {{"server", metrics_.server}, {"loop", static_cast<std::int64_t>(loop_.index())}});
  }
}

void RedisLink::Break(const absl::Status& why) {
  const State before = state_.exchange(State::kWaiting);
  if (before == State::kUp) metrics_.links_up.Add(-1);
  if (!std::exchange(logged_down_, true)) {
    logger_.Warn("redis is away", {{"server", metrics_.server},
                                   {"loop", static_cast<std::int64_t>(loop_.index())},
                                   {"error", FromAbsl(why.message())}});
  }
  loop_.Cancel(silence_);
  if (connection_ != nullptr) loop_.Unwatch(connection_->fd());
  connection_.reset();
  loop_.After(retry_pause_, retry_);
  retry_pause_ = std::min(retry_pause_ * 2, config_.retry_max);
  std::deque<Pending> lost;
  lost.swap(pending_);
  first_pending_ += lost.size();
  for (const Pending& command : lost) {
    if (command.call == nullptr) continue;  // counted as timed out
    metrics_.broken.Increment();
    command.call->End(absl::UnavailableError("The connection to Redis broke."));
  }
}

// Commands and replies

void RedisLink::Append(std::span<const std::string_view> arguments, RedisCall& call) {
  connection_->Append(arguments);
  if (pending_.empty()) loop_.After(config_.max_silence, silence_);
  pending_.push_back({&call, call.began_});
  FlushSoon();
}

void RedisLink::FlushSoon() {
  if (!std::exchange(flush_scheduled_, true)) loop_.Defer(flush_);
}

void RedisLink::Flush() {
  flush_scheduled_ = false;
  if (connection_ == nullptr) return;
  if (absl::Status sent = connection_->Flush(); !sent.ok()) return Break(sent);
  const bool rest = connection_->unsent() > 0;
  if (std::exchange(watching_writable_, rest) != rest) {
    loop_.Watch(connection_->fd(), {.readable = true, .writable = rest}, *this);
  }
}

void RedisLink::OnReady(FdEvents ready) {
  if (connection_ == nullptr) return;
  if (state_ == State::kConnecting) return Greet();
  if (ready.readable && !Receive()) return;
  // Not at once: a reply's reader may have asked for it already, and it is in the list once.
  if (ready.writable) FlushSoon();
}

bool RedisLink::Receive() {
  // What arrived before the end of a connection still counts.
  const absl::Status received = connection_->Receive();
  const MonotonicTime now = clock_.Now();
  absl::Status status;
  while (status.ok()) {
    absl::StatusOr<std::optional<RedisReply>> reply = connection_->TakeReply();
    if (reply.ok() && !*reply) {
      if (received.ok()) return true;
      status = received;
    } else {
      status = reply.ok() ? Take(**std::move(reply), now) : reply.status();
    }
  }
  Break(status);
  return false;
}

absl::Status RedisLink::Take(RedisReply reply, MonotonicTime now) {
  if (state_ == State::kGreeting) return TakeGreeting(reply);
  if (pending_.empty()) return absl::InternalError("Redis answers what it was not asked.");
  GiveOut(std::move(reply), now);
  return absl::OkStatus();
}

void RedisLink::GiveOut(RedisReply reply, MonotonicTime now) {
  if (state_ == State::kStalled) {
    state_ = State::kUp;
    metrics_.links_up.Add(1);
  }
  const Pending command = pending_.front();
  pending_.pop_front();
  ++first_pending_;
  if (pending_.empty()) loop_.Cancel(silence_);
  if (command.call == nullptr) return;  // counted as timed out
  metrics_.answered.Increment();
  metrics_.seconds.Observe(std::chrono::duration<double>(now - command.since).count());
  absl::Status status = reply.status();
  if (status.ok()) {
    command.call->End(std::move(reply));
  } else {
    command.call->End(std::move(status));
  }
}

// A reply that waits in the socket, because the loop is late, is taken first.
void RedisLink::Expire(std::uint64_t number) {
  for (int reads = 0; reads < kLastReads; ++reads) {
    const std::uint64_t first = first_pending_;
    const std::size_t partial = connection_->partial_bytes();
    if (!Receive() || number < first_pending_) return;
    if (first == first_pending_ && partial == connection_->partial_bytes()) break;
  }
  Pending& command = pending_[number - first_pending_];
  RedisCall* const call = std::exchange(command.call, nullptr);
  // A caller that had less time than that says nothing about the server.
  const bool late = clock_.Now() - pending_.front().since >= config_.command_timeout;
  if (late && state_ == State::kUp) {
    state_ = State::kStalled;
    metrics_.links_up.Add(-1);
  }
  metrics_.timed_out.Increment();
  call->End(absl::DeadlineExceededError("Redis did not answer in time."));
}

// Runs max_silence after the first command was sent to a connection without any, and as often
// again.
void RedisLink::CheckSilence() {
  if (connection_ != nullptr && state_ != State::kConnecting && !Receive()) return;
  if (state_ == State::kUp || state_ == State::kStalled) {
    if (pending_.empty()) return;
    const Duration silent = clock_.Now() - pending_.front().since;
    if (silent < config_.max_silence) {
      return loop_.After(config_.max_silence - silent, silence_);
    }
  }
  Break(absl::DeadlineExceededError("Redis has been silent for too long."));
}

// A call

RedisCall::RedisCall(RedisLink& link, const RequestContext& context,
                     std::span<const std::string_view> arguments, MonotonicTime until)
    : link_(link), arguments_(arguments), until_(std::min(until, context.deadline)) {
  route = context.route;
}

bool RedisCall::await_ready() {
  if (!link_.accepts()) {
    link_.metrics_.refused.Increment();
    result_.emplace(Refused());
    return true;
  }
  began_ = link_.clock_.Now();
  if (began_ < until_) return false;
  result_.emplace(DeadlinePassed());
  return true;
}

void RedisCall::await_suspend(std::coroutine_handle<> awaiter) {
  awaiter_ = awaiter;
  number_ = link_.first_pending_ + link_.pending_.size();
  link_.Append(arguments_, *this);
  link_.loop_.After(std::min<Duration>(link_.config_.command_timeout, until_ - began_), *this);
}

void RedisCall::End(absl::StatusOr<RedisReply> result) {
  link_.loop_.Cancel(*this);
  result_.emplace(std::move(result));
  if (route != nullptr) link_.loop_.EnterRoute(*route);
  awaiter_.resume();
}

Task<absl::StatusOr<RedisReply>> RunScript(RedisLink& link, const RequestContext& context,
                                           const RedisScript& script, std::vector<std::string> keys,
                                           std::vector<std::string> arguments,
                                           MonotonicTime until) {
  const std::vector<std::string_view> key_views(keys.begin(), keys.end());
  const std::vector<std::string_view> argument_views(arguments.begin(), arguments.end());
  const std::vector<std::string_view> by_hash = script.Call(key_views, argument_views);
  RedisCall call(link, context, by_hash, until);
  absl::StatusOr<RedisReply> reply = co_await call;
  if (!absl::IsNotFound(reply.status())) co_return reply;
  const std::vector<std::string_view> by_text = script.Call(key_views, argument_views, true);
  RedisCall again(link, context, by_text, until);
  absl::StatusOr<RedisReply> second = co_await again;
  co_return second;
}

}  // namespace scaleout::gateway
