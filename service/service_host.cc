#include "service/service_host.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "common/str_cat.h"
#include "common/unix_socket.h"
#include "service/health_service.h"
#include "service/metrics_page.h"
#include "service/service_calls.h"
#include "service/worker_pool.h"

namespace scaleout {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kUnixPrefix = "unix:";
constexpr int kMaxConcurrentStreams = 1024;
// Clients may ask whether the connection lives, but not more often.
constexpr milliseconds kMinPingInterval{5000};

// How long before it stops taking calls a service makes the channels of its clients leave. Calls
// of a channel that knows no other replica wait for so long.
constexpr milliseconds kLeaveTime{200};
// While draining: how often it is looked whether calls are left, and how long clients have, once
// there are none, to take the last answer and close.
constexpr milliseconds kDrainLookEvery{100};
constexpr milliseconds kCloseLimit{1000};

// gRPC's library of reflection adds itself to every server of a program that links it.
class WithoutReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins,
                  [](const auto& plugin) { return plugin->name() == "proto_server_reflection"; });
  }
};

// Readable from the moment it is raised; an eventfd, so that poll() can wait for it beside a
// signal.
class Flag {
 public:
  Flag() : fd_(eventfd(0, EFD_CLOEXEC)) {
    if (fd_ < 0) std::abort();
  }
  ~Flag() { close(fd_); }
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;

  void Raise() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof(one));
  }
  int fd() const { return fd_; }

 private:
  const int fd_;
};

enum class Event { kSignal, kFlag, kTimeout };

Event WaitFor(const StopSignals& signals, const Flag& flag, MonotonicTime until,
              const Clock& clock) {
  while (true) {
    int timeout = -1;
    if (until != MonotonicTime::max()) {
      const auto left = std::chrono::ceil<milliseconds>(until - clock.Now());
      timeout = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    }
    std::array<pollfd, 2> fds = {{{signals.fd(), POLLIN, 0}, {flag.fd(), POLLIN, 0}}};
    const int ready = poll(fds.data(), fds.size(), timeout);
    if (ready < 0) continue;
    if (fds[0].revents != 0) return Event::kSignal;
    if (fds[1].revents != 0) return Event::kFlag;
    return Event::kTimeout;
  }
}

}  // namespace

struct ServiceHost::Impl {
  struct FurtherCalls {
    FurtherCalls(int threads, std::size_t max_queued, const Impl& host)
        : workers(threads, max_queued),
          calls(workers, host.logger, host.metrics, host.clock, host.config.lab_delay) {}

    WorkerPool workers;
    ServiceCalls calls;
  };

  Impl(const ServiceConfig& config_in, Logger& logger_in, Metrics& metrics_in,
       const Clock& clock_in)
      : config(config_in),
        logger(logger_in),
        metrics(metrics_in),
        clock(clock_in),
        workers(config.max_threads, static_cast<std::size_t>(config.max_queue)),
        calls(workers, logger, metrics, clock, config.lab_delay) {}

  absl::Status Listen(grpc::ServerBuilder& builder) {
    ports.resize(config.listen.size(), 0);
    for (std::size_t i = 0; i < config.listen.size(); ++i) {
      const std::string& address = config.listen[i];
      if (address.starts_with(kUnixPrefix)) {
        const std::string path = address.substr(kUnixPrefix.size());
        if (absl::Status status = RemoveStaleUnixSocket(path); !status.ok()) return status;
      }
      builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &ports[i]);
    }
    return absl::OkStatus();
  }

  // Only with `mutex` held.
  void UpdateHealth() {
    const bool now_serving = serving && !draining;
    health.Set("", now_serving);
    for (const auto& [name, service] : services) health.Set(name, now_serving);
  }

  // The second signal: the operator does not want to wait. No destructors, no locks.
  [[noreturn]] void ExitAtOnce() {
    logger.Warn("second signal, exiting at once");
    logger.Flush();
    std::_Exit(1);
  }

  void Drain(StopSignals& signals) {
    {
      const std::lock_guard lock(mutex);
      draining = true;
      UpdateHealth();
    }
    logger.Info("draining", {{"graceMs", std::int64_t{config.drain_grace.count()}},
                             {"timeoutMs", std::int64_t{config.drain_timeout.count()}}});
    const Flag never;
    const milliseconds leave_time = std::min(kLeaveTime, config.drain_grace);
    for (const milliseconds pause : {config.drain_grace - leave_time, leave_time}) {
      if (WaitFor(signals, never, clock.Now() + pause, clock) == Event::kSignal) ExitAtOnce();
      health.Leave();
    }
    const Flag stopped;
    std::thread stopper([this, &stopped] {
      server->Shutdown(std::chrono::system_clock::now() + config.drain_timeout);
      stopped.Raise();
    });
    MonotonicTime idle_since = clock.Now();
    while (true) {
      const Event event = WaitFor(signals, stopped, clock.Now() + kDrainLookEvery, clock);
      if (event == Event::kSignal) ExitAtOnce();
      if (event == Event::kFlag) break;
      // Not before GOAWAY, after which a client has no use for its stream.
      health.End();
      if (calls.active() != 0) idle_since = clock.Now();
      // gRPC waits the whole timeout for a client that does not take its leave, such as one that is
      // frozen. Nothing is lost by cutting it off: there is no call left, and no new one can come.
      if (clock.Now() - idle_since > kCloseLimit) grpc_server_cancel_all_calls(server->c_server());
    }
    stopper.join();
  }

  // After the last call: what serves them must outlive the server, and the pool may still report to
  // health.
  void Stop() {
    std::unique_ptr<grpc::Server> last;
    {
      const std::lock_guard lock(mutex);
      last = std::move(server);
    }
    if (last != nullptr) last->Shutdown(std::chrono::system_clock::now());
    // A worker may be on its way out of a call that has been answered already.
    workers.Stop();
    for (FurtherCalls& further : further_calls) further.workers.Stop();
  }

  const ServiceConfig& config;
  Logger& logger;
  Metrics& metrics;
  const Clock& clock;
  WorkerPool workers;
  ServiceCalls calls;  // its count of active ones is that of all
  std::deque<FurtherCalls> further_calls;
  HealthService health;
  std::vector<std::pair<std::string, grpc::Service*>> services;
  std::vector<int> ports;
  std::unique_ptr<MetricsPage> page;

  std::mutex mutex;  // of the rest
  std::unique_ptr<grpc::Server> server;
  bool serving = false;
  bool draining = false;
  absl::Status failure;
  Flag failed;
};

ServiceHost::ServiceHost(const ServiceConfig& config, Logger& logger, Metrics& metrics,
                         const Clock& clock)
    : impl_(std::make_unique<Impl>(config, logger, metrics, clock)) {}

ServiceHost::~ServiceHost() { impl_->Stop(); }

ServiceCalls& ServiceHost::calls() { return impl_->calls; }

ServiceCalls& ServiceHost::AddCalls(int threads, std::size_t max_queued) {
  return impl_->further_calls.emplace_back(threads, max_queued, *impl_).calls;
}

void ServiceHost::Add(std::string name, grpc::Service& service) {
  // SetServing may come from the pool's thread already.
  const std::lock_guard lock(impl_->mutex);
  impl_->services.emplace_back(std::move(name), &service);
}

absl::Status ServiceHost::Start() {
  Impl& impl = *impl_;
  if (const LabDelayOptions& delay = impl.config.lab_delay; delay.on()) {
    impl.logger.Warn("the lab delays RPCs",
                     {{"rpcDelayMs", std::int64_t{delay.rpc.count()}},
                      {"slowKeys", delay.slow_keys},
                      {"slowKeyDelayMs", std::int64_t{delay.slow_key.count()}}});
  }
  if (!impl.config.metrics_listen.empty()) {
    auto page = MakeMetricsPage(impl.config.metrics_listen, impl.metrics);
    if (!page.ok()) return page.status();
    impl.page = *std::move(page);
  }
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  if (!impl.config.reflection) builder.SetOption(std::make_unique<WithoutReflection>());
  if (absl::Status status = impl.Listen(builder); !status.ok()) return status;
  // Two processes on one port would share its connections by mistake.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             static_cast<int>(impl.config.max_connection_age.count()));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                             static_cast<int>(impl.config.drain_timeout.count()));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxConcurrentStreams);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             static_cast<int>(kMinPingInterval.count()));
  builder.SetMaxReceiveMessageSize(static_cast<int>(impl.config.max_message_bytes));
  // Reflection is the only service that is not a callback one.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
  builder.RegisterService(&impl.health);
  for (const auto& [name, service] : impl.services) builder.RegisterService(service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    std::string addresses;
    for (const std::string& address : impl.config.listen) addresses += " " + address;
    return absl::UnavailableError(StrCat("cannot listen on", addresses));
  }
  {
    const std::lock_guard lock(impl.mutex);
    impl.server = std::move(server);
    impl.UpdateHealth();
  }
  for (const std::string& address : impl.config.listen) {
    impl.logger.Info("listening", {{"address", address}});
  }
  return absl::OkStatus();
}

void ServiceHost::SetServing(bool serving) {
  const std::lock_guard lock(impl_->mutex);
  impl_->serving = serving;
  impl_->UpdateHealth();
}

void ServiceHost::Fail(const absl::Status& status) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->failure = status;
  }
  impl_->failed.Raise();
}

int ServiceHost::Run(StopSignals& signals) {
  Impl& impl = *impl_;
  if (absl::Status status = Start(); !status.ok()) {
    impl.logger.Error("cannot start", {{"detail", std::string(status.message())}});
    return 1;
  }
  int exit_code = 0;
  if (WaitFor(signals, impl.failed, MonotonicTime::max(), impl.clock) == Event::kFlag) {
    const std::lock_guard lock(impl.mutex);
    impl.logger.Error("cannot go on", {{"detail", std::string(impl.failure.message())}});
    exit_code = 1;
  } else {
    signals.Take();
    impl.Drain(signals);
  }
  impl.Stop();
  impl.logger.Info("stopped", {{"exitCode", exit_code}});
  return exit_code;
}

int ServiceHost::port() const {
  const auto tcp = std::ranges::find_if(impl_->ports, [](int port) { return port > 1; });
  return tcp == impl_->ports.end() ? 0 : *tcp;
}

}  // namespace scaleout
