#include "gateway/http/event_loop.h"

#include <pistache/peer.h>
#include <pistache/reactor.h>
#include <pistache/tcp.h>
#include <pistache/transport.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <span>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/str_cat.h"
#include "gateway/http/response_head.h"
#include "gateway/runtime/job_queue.h"

namespace scaleout::gateway {
namespace {

namespace Aio = Pistache::Aio;
namespace Polling = Pistache::Polling;
namespace Tcp = Pistache::Tcp;
using Polling::NotifyOn;

constexpr std::chrono::milliseconds kTick{10};
constexpr int kTicksPerTimeoutCheck = 20;
// However busy a loop is, it hands no more than this many new connections to its next turn.
constexpr std::size_t kMaxAcceptsPerTurn = 64;

int Checked(int fd) {
  if (fd < 0) std::abort();  // only out of descriptors or memory, at start
  return fd;
}

// A descriptor that this file opened and closes.
class OwnedFd {
 public:
  explicit OwnedFd(int fd) : fd_(Checked(fd)) {}
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  ~OwnedFd() { ::close(fd_); }
  int get() const { return fd_; }

 private:
  int fd_;
};

// Of a client, for Pistache, which knows no others than those of the Internet and asks for them
// only to print them.
Pistache::Address AddressOf(sockaddr_storage& client) {
  if (client.ss_family == AF_UNIX) return {};
  return Pistache::Address::fromUnix(reinterpret_cast<sockaddr*>(&client));
}

class LoopTransport;

// A connection with its place in the loop. The id tells a descriptor's present owner from an
// earlier one.
class LoopConnection final : public Socket {
 public:
  LoopConnection(LoopTransport& transport, std::shared_ptr<Tcp::Peer> peer, std::uint64_t id)
      : transport_(transport), peer_(std::move(peer)), id_(id) {}

  std::int64_t Send(std::string_view bytes) override;
  void ShutDownWriting() override { ::shutdown(peer_->fd(), SHUT_WR); }
  void Close() override;

  void Open(Executor& loop, const Clock& clock, const ConnectionLimits& limits,
            ResponseHeadWriter& head_writer, ExchangeHandler& handler) {
    http_ = std::make_unique<HttpConnection>(*this, loop, clock, limits, head_writer, handler);
  }
  HttpConnection& http() { return *http_; }
  const std::shared_ptr<Tcp::Peer>& peer() const { return peer_; }
  std::uint64_t id() const { return id_; }

 private:
  LoopTransport& transport_;
  const std::shared_ptr<Tcp::Peer> peer_;
  const std::uint64_t id_;
  std::unique_ptr<HttpConnection> http_;
};

// Pistache calls these on the loop's thread.
class PeerEvents final : public Tcp::Handler {
 public:
  explicit PeerEvents(LoopTransport*& transport) : transport_(transport) {}

  void onConnection(const std::shared_ptr<Tcp::Peer>& peer) override;
  void onInput(const char* buffer, std::size_t size,
               const std::shared_ptr<Tcp::Peer>& peer) override;
  void onDisconnection(const std::shared_ptr<Tcp::Peer>& peer) override;
  // Only Pistache's own listener clones handlers.
  std::shared_ptr<Tcp::Handler> clone() const override { std::abort(); }

 private:
  LoopTransport*& transport_;
};

class PistacheLoop;

class LoopTransport final : public Tcp::Transport {
 public:
  LoopTransport(std::shared_ptr<Tcp::Handler> events, PistacheLoop& loop)
      : Tcp::Transport(events), events_(std::move(events)), loop_(loop) {}

  void registerPoller(Polling::Epoll& poller) override;
  void onReady(const Aio::FdSet& ready) override;
  std::shared_ptr<Aio::Handler> clone() const override { std::abort(); }

  void AddConnection(const std::shared_ptr<Tcp::Peer>& peer);
  LoopConnection* FindConnection(int fd);
  void ForgetConnection(int fd);
  void CloseLater(const LoopConnection& connection) {
    to_close_.emplace_back(connection.peer()->fd(), connection.id());
  }
  void WatchWritable(int fd) {
    reactor()->modifyFd(key(), fd, NotifyOn::Read | NotifyOn::Write | NotifyOn::Shutdown,
                        Polling::Mode::Edge);
  }
  void AcceptAll(std::size_t most_each);
  void SetAccepting(bool wanted);
  void ForEachConnection(const std::function<void(HttpConnection&)>& visit);

 private:
  void PassToPistache(const Aio::FdSet& ready);
  bool Accept(int listen_fd);
  std::size_t AcceptUpTo(std::size_t most, int listen_fd);
  void AcceptReady(const Aio::FdSet& ready, std::size_t most);
  void CloseRequested();

  std::shared_ptr<Tcp::Handler> events_;
  PistacheLoop& loop_;
  Polling::Epoll* poller_ = nullptr;
  bool accepting_ = false;
  std::uint64_t next_id_ = 1;
  std::unordered_map<int, std::unique_ptr<LoopConnection>> connections_;
  std::vector<std::pair<int, std::uint64_t>> to_close_;
};

class PistacheLoop final : public EventLoop {
 public:
  PistacheLoop(const EventLoopOptions& options, const Clock& clock, Logger& logger,
               LoopLagMonitor& monitor, ExchangeHandler& handler)
      : options_(options),
        clock_(clock),
        logger_(logger),
        monitor_(monitor),
        handler_(handler),
        head_writer_(options.instance_id, clock),
        wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        tick_fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
        reactor_(Aio::Reactor::create()) {
    reactor_->init(Aio::SyncContext());
    transport_ =
        std::make_shared<LoopTransport>(std::make_shared<PeerEvents>(transport_pointer_), *this);
    transport_pointer_ = transport_.get();
    reactor_->addHandler(transport_);
  }

  ~PistacheLoop() override { Stop(); }

  void Start() override {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), StrCat("loop-", options_.index).c_str());
      thread_id_.store(std::this_thread::get_id());
      StartTicking();
      reactor_->run();
    });
  }

  void StopAccepting() override { PostAction(stop_accepting_); }
  void BeginDrain() override { PostAction(begin_drain_); }
  void CloseIdle() override { PostAction(close_idle_); }

  void Stop() override {
    if (!thread_.joinable()) return;
    reactor_->shutdown();
    thread_.join();
    RunJobs();
    transport_->ForEachConnection([](HttpConnection& connection) { connection.OnDisconnect(); });
  }

  std::int64_t connections() const override { return connections_.load(std::memory_order_relaxed); }

  void Post(Job& job) override {
    if (!jobs_.Push(job)) return;
    const std::uint64_t one = 1;
    // It can only fail when the counter is full, and then the loop is awake already.
    [[maybe_unused]] const ssize_t written = ::write(wake_fd_.get(), &one, sizeof one);
  }

  void Arm(TimerJob& timer, MonotonicTime when) override {
    Disarm(timer);
    timer.when = when;
    timer.sequence = next_timer_++;
    timers_.emplace(std::pair(when, timer.sequence), &timer);
  }

  void Disarm(TimerJob& timer) override {
    if (timer.armed()) timers_.erase({timer.when, std::exchange(timer.sequence, 0)});
  }

  bool OnLoop() const override {
    return thread_id_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  std::size_t index() const override { return options_.index; }

 private:
  friend class LoopTransport;

  // None once this loop has given them up.
  std::span<const ListenSocket> listen_sockets() const {
    if (!options_.listen_sockets) return {};
    return *options_.listen_sockets;
  }

  bool IsListening(int fd) const {
    const auto sockets = listen_sockets();
    return std::any_of(sockets.begin(), sockets.end(),
                       [fd](const ListenSocket& socket) { return socket.fd() == fd; });
  }

  // A job that is there from the start, for what other threads ask of the loop.
  class Action final : public Job {
   public:
    explicit Action(std::function<void()> what) : what_(std::move(what)) {}
    void Run() override {
      posted.store(false);
      what_();
    }
    std::atomic<bool> posted{false};

   private:
    std::function<void()> what_;
  };

  void PostAction(Action& action) {
    if (!action.posted.exchange(true)) Post(action);
  }

  void StartTicking() {
    next_tick_ = clock_.Now() + kTick;
    const auto since_epoch =
        std::chrono::duration_cast<std::chrono::nanoseconds>(next_tick_.time_since_epoch());
    itimerspec schedule{};
    schedule.it_value.tv_sec = since_epoch.count() / 1'000'000'000;
    schedule.it_value.tv_nsec = since_epoch.count() % 1'000'000'000;
    schedule.it_interval.tv_nsec = std::chrono::nanoseconds(kTick).count();
    Checked(::timerfd_settime(tick_fd_.get(), TFD_TIMER_ABSTIME, &schedule, nullptr));
    monitor_.OnTick(next_tick_ - kTick, next_tick_ - kTick);
  }

  void Tick() {
    std::uint64_t expirations = 0;
    if (::read(tick_fd_.get(), &expirations, sizeof expirations) != sizeof expirations) return;
    const MonotonicTime now = clock_.Now();
    monitor_.OnTick(next_tick_, now);
    handler_.OnTick(now - next_tick_);
    next_tick_ += kTick * static_cast<std::int64_t>(expirations);
    RunTimers(now);
    if (++ticks_ % kTicksPerTimeoutCheck != 0) return;
    transport_->ForEachConnection([now](HttpConnection& connection) { connection.OnTick(now); });
    if (accept_paused_by_error_) ResumeAccepting();
  }

  void RunTimers(MonotonicTime now) {
    while (!timers_.empty() && timers_.begin()->first.first <= now) {
      TimerJob& timer = *timers_.begin()->second;
      timers_.erase(timers_.begin());
      timer.sequence = 0;
      RunJob(timer);
    }
  }

  void RunJobs() {
    for (Job* job = jobs_.TakeAll(); job != nullptr;) {
      Job* following = std::exchange(job->next, nullptr);
      RunJob(*job);
      job = following;
    }
  }

  void RunJob(Job& job) {
    if (job.route >= 0) monitor_.EnterRoute(job.route);
    job.Run();
    monitor_.LeaveRoute();
  }

  void ResumeAccepting() {
    accept_paused_by_error_ = false;
    UpdateAccepting();
  }

  void UpdateAccepting() {
    const bool room = static_cast<std::size_t>(connections()) < options_.max_connections;
    transport_->SetAccepting(!accept_stopped_ && !accept_paused_by_error_ && room);
  }

  EventLoopOptions options_;
  const Clock& clock_;
  Logger& logger_;
  LoopLagMonitor& monitor_;
  ExchangeHandler& handler_;
  ResponseHeadWriter head_writer_;
  const OwnedFd wake_fd_;
  const OwnedFd tick_fd_;
  JobQueue jobs_;
  std::map<std::pair<MonotonicTime, std::uint64_t>, TimerJob*> timers_;
  std::uint64_t next_timer_ = 1;
  MonotonicTime next_tick_;
  int ticks_ = 0;
  bool accept_stopped_ = false;
  bool accept_paused_by_error_ = false;
  bool draining_ = false;
  std::atomic<std::int64_t> connections_{0};
  std::atomic<std::thread::id> thread_id_{};

  Action stop_accepting_{[this] {
    transport_->AcceptAll(options_.max_connections);
    accept_stopped_ = true;
    UpdateAccepting();
    options_.listen_sockets.reset();
  }};
  Action begin_drain_{[this] {
    draining_ = true;
    transport_->ForEachConnection([](HttpConnection& connection) { connection.EndAfterAnswer(); });
  }};
  Action close_idle_{[this] {
    transport_->ForEachConnection([](HttpConnection& connection) { connection.CloseIfIdle(); });
  }};

  std::shared_ptr<Aio::Reactor> reactor_;
  LoopTransport* transport_pointer_ = nullptr;
  std::shared_ptr<LoopTransport> transport_;
  std::thread thread_;
};

std::int64_t LoopConnection::Send(std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t taken =
        ::send(peer_->fd(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken >= 0) {
      sent += static_cast<std::size_t>(taken);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      transport_.WatchWritable(peer_->fd());
      break;
    } else if (errno != EINTR) {
      return -1;
    }
  }
  return static_cast<std::int64_t>(sent);
}

void LoopConnection::Close() { transport_.CloseLater(*this); }

void PeerEvents::onConnection(const std::shared_ptr<Tcp::Peer>& peer) {
  transport_->AddConnection(peer);
}

void PeerEvents::onInput(const char* buffer, std::size_t size,
                         const std::shared_ptr<Tcp::Peer>& peer) {
  LoopConnection* connection = transport_->FindConnection(peer->fd());
  if (connection != nullptr) connection->http().OnBytes({buffer, size});
}

void PeerEvents::onDisconnection(const std::shared_ptr<Tcp::Peer>& peer) {
  LoopConnection* connection = transport_->FindConnection(peer->fd());
  if (connection == nullptr) return;
  connection->http().OnDisconnect();
  transport_->ForgetConnection(peer->fd());
}

void LoopTransport::registerPoller(Polling::Epoll& poller) {
  Tcp::Transport::registerPoller(poller);
  poller_ = &poller;
  for (const int fd : {loop_.wake_fd_.get(), loop_.tick_fd_.get()}) {
    poller.addFd(fd, Pistache::Flags<NotifyOn>(NotifyOn::Read),
                 Polling::Tag(static_cast<std::uint64_t>(fd)));
  }
  SetAccepting(true);
}

// Pistache sees only its own descriptors: it takes an event that it cannot place for an error.
void LoopTransport::onReady(const Aio::FdSet& ready) {
  loop_.monitor_.OnWake(loop_.clock_.Now());
  bool tick = false;
  bool jobs = false;
  bool accept = false;
  std::size_t others = 0;
  for (std::size_t i = 0; i < ready.size(); ++i) {
    const int fd = static_cast<int>(ready.at(i).getTag().value());
    if (fd == loop_.tick_fd_.get()) {
      tick = true;
    } else if (fd == loop_.wake_fd_.get()) {
      jobs = true;
    } else if (loop_.IsListening(fd)) {
      accept = true;
    } else {
      ++others;
    }
  }
  if (tick) loop_.Tick();
  if (others != 0) PassToPistache(ready);
  if (accept) AcceptReady(ready, std::min(1 + others, kMaxAcceptsPerTurn));
  if (jobs) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t size = ::read(loop_.wake_fd_.get(), &count, sizeof count);
    loop_.RunJobs();
  }
  CloseRequested();
  loop_.monitor_.OnIdle(loop_.clock_.Now());
}

void LoopTransport::PassToPistache(const Aio::FdSet& ready) {
  std::vector<Polling::Event> events;
  events.reserve(ready.size());
  for (std::size_t i = 0; i < ready.size(); ++i) {
    const Aio::FdSet::Entry& entry = ready.at(i);
    const int fd = static_cast<int>(entry.getTag().value());
    if (fd == loop_.tick_fd_.get() || fd == loop_.wake_fd_.get() || loop_.IsListening(fd)) continue;
    if (entry.isWritable()) {
      // Writing is ours, because Pistache spins on a client that reads slowly.
      if (LoopConnection* connection = FindConnection(fd)) connection->http().OnWritable();
      if (!entry.isReadable()) continue;
    }
    events.emplace_back(entry.getTag());
    if (entry.isReadable()) events.back().flags.setFlag(NotifyOn::Read);
    if (entry.isHangup()) events.back().flags.setFlag(NotifyOn::Hangup);
  }
  try {
    Tcp::Transport::onReady(Aio::FdSet(std::move(events)));
  } catch (const std::exception& error) {
    loop_.logger_.Error("the transport threw", {{"error", error.what()}});
  }
}

// `most` in all; the kernel reports those first next time that had to wait.
void LoopTransport::AcceptReady(const Aio::FdSet& ready, std::size_t most) {
  for (std::size_t i = 0; i < ready.size() && most > 0; ++i) {
    const int fd = static_cast<int>(ready.at(i).getTag().value());
    if (loop_.IsListening(fd)) most -= AcceptUpTo(most, fd);
  }
}

void LoopTransport::AcceptAll(std::size_t most_each) {
  for (const ListenSocket& socket : loop_.listen_sockets()) AcceptUpTo(most_each, socket.fd());
}

// How many there were.
std::size_t LoopTransport::AcceptUpTo(std::size_t most, int listen_fd) {
  std::size_t accepted = 0;
  while (accepted < most && accepting_ && Accept(listen_fd)) ++accepted;
  return accepted;
}

// Whether there may be more.
bool LoopTransport::Accept(int listen_fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int fd = ::accept4(listen_fd, reinterpret_cast<sockaddr*>(&address), &size,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return false;
    loop_.logger_.Error("cannot accept", {{"error", std::strerror(errno)}});
    loop_.accept_paused_by_error_ = true;
    loop_.UpdateAccepting();
    return false;
  }
  handleNewPeer(Tcp::Peer::Create(fd, AddressOf(address)));
  return true;
}

void LoopTransport::AddConnection(const std::shared_ptr<Tcp::Peer>& peer) {
  auto connection = std::make_unique<LoopConnection>(*this, peer, next_id_++);
  connection->Open(loop_, loop_.clock_, loop_.options_.limits, loop_.head_writer_, loop_.handler_);
  if (loop_.draining_) connection->http().EndAfterAnswer();
  connections_[peer->fd()] = std::move(connection);
  loop_.connections_.fetch_add(1, std::memory_order_relaxed);
  loop_.UpdateAccepting();
}

LoopConnection* LoopTransport::FindConnection(int fd) {
  const auto found = connections_.find(fd);
  return found == connections_.end() ? nullptr : found->second.get();
}

void LoopTransport::ForgetConnection(int fd) {
  if (connections_.erase(fd) == 0) return;
  loop_.connections_.fetch_sub(1, std::memory_order_relaxed);
  loop_.UpdateAccepting();
}

void LoopTransport::SetAccepting(bool wanted) {
  if (wanted == accepting_) return;
  accepting_ = wanted;
  for (const ListenSocket& socket : loop_.listen_sockets()) {
    if (wanted) {
      poller_->addFd(socket.fd(), Pistache::Flags<NotifyOn>(NotifyOn::Read),
                     Polling::Tag(static_cast<std::uint64_t>(socket.fd())));
    } else {
      poller_->removeFd(socket.fd());
    }
  }
}

void LoopTransport::ForEachConnection(const std::function<void(HttpConnection&)>& visit) {
  for (const auto& [fd, connection] : connections_) visit(connection->http());
}

// Not where it was asked for: Pistache may be in the middle of reading from that descriptor.
void LoopTransport::CloseRequested() {
  for (const auto& [fd, id] : std::exchange(to_close_, {})) {
    LoopConnection* connection = FindConnection(fd);
    if (connection == nullptr || connection->id() != id) continue;
    const std::shared_ptr<Tcp::Peer> peer = connection->peer();
    ForgetConnection(fd);
    try {
      removePeer(peer);
    } catch (const std::exception& error) {
      loop_.logger_.Error("a connection could not be closed", {{"error", error.what()}});
    }
  }
}

}  // namespace

std::unique_ptr<EventLoop> MakeEventLoop(const EventLoopOptions& options, const Clock& clock,
                                         Logger& logger, LoopLagMonitor& monitor,
                                         ExchangeHandler& handler) {
  return std::make_unique<PistacheLoop>(options, clock, logger, monitor, handler);
}

}  // namespace scaleout::gateway
