#include "gateway/http/connection_table.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>

#include "common/ip_address.h"

namespace scaleout::gateway {
namespace {

// Nothing for a Unix socket. Where the kernel does not say, it is an address that no one trusts.
std::optional<IpAddress> PeerOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return IpAddress();
  if (address.ss_family == AF_UNIX) return std::nullopt;
  return IpAddress::FromSocketAddress(address).value_or(IpAddress());
}

}  // namespace

// One connection: its descriptor, which is the loop's peer, and its HTTP side.
class ConnectionTable::Peer final : public Socket, public FdWatcher {
 public:
  Peer(ConnectionTable& table, int fd, std::uint64_t number)
      : table_(table),
        key_(fd, number),
        peer_(PeerOf(fd)),
        http_(std::make_shared<HttpConnection>(*this, table.loop_, table.clock_, table.limits_,
                                               table.head_writer_, table.handler_)) {}
  ~Peer() { http_->OnDisconnect(); }

  int fd() const { return key_.first; }
  const Key& key() const { return key_; }
  HttpConnection& http() { return *http_; }

  void OnReady(FdEvents ready) override {
    ended |= ready.ended;
    if (ready.writable) http_->OnWritable();
    // A connection in the queue has its turn there, however many bytes arrive meanwhile.
    if (ready.readable && !queued) table_.TakeTurn(*this);
  }

  std::int64_t Send(std::string_view bytes) override {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t taken =
          ::send(fd(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (taken >= 0) {
        sent += static_cast<std::size_t>(taken);
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        table_.loop_.WatchWritable(fd());
        break;
      } else if (errno != EINTR) {
        return -1;
      }
    }
    return static_cast<std::int64_t>(sent);
  }

  std::optional<IpAddress> PeerAddress() const override { return peer_; }

  void ShutDownWriting() override { ::shutdown(fd(), SHUT_WR); }

  bool WillFlush() override {
    table_.FlushLater(*this);
    return true;
  }

  void RequestTurn() override { table_.Enqueue(*this); }

  // Whether the client has closed its side or is gone, though bytes of it are still unread.
  bool HasLeft() const {
    pollfd state{fd(), POLLRDHUP, 0};
    return ::poll(&state, 1, 0) == 1;
  }

  bool queued = false;  // is in the table's queue
  bool ended = false;   // the loop has reported the end, which is read behind the last byte

  void Close() override {
    if (table_.to_close_.empty()) table_.loop_.Defer(table_.close_requested_);
    table_.to_close_.push_back(key_);
  }

 private:
  ConnectionTable& table_;
  const Key key_;
  const std::optional<IpAddress> peer_;
  const std::shared_ptr<HttpConnection> http_;
};

ConnectionTable::ConnectionTable(EventLoop& loop, const Clock& clock,
                                 const ConnectionLimits& limits, std::string instance_id,
                                 ExchangeHandler& handler, std::function<void()> on_close)
    : loop_(loop),
      clock_(clock),
      limits_(limits),
      handler_(handler),
      on_close_(std::move(on_close)),
      head_writer_(std::move(instance_id), clock) {}

ConnectionTable::~ConnectionTable() = default;

void ConnectionTable::Add(int fd) {
  auto peer = std::make_unique<Peer>(*this, fd, next_number_++);
  if (draining_) peer->http().EndAfterAnswer();
  if (!loop_.AddPeer(fd, *peer)) return;
  peers_[fd] = std::move(peer);
  size_.fetch_add(1, std::memory_order_relaxed);
}

void ConnectionTable::TakeTurn(Peer& peer) {
  peer.http().BeginTurn();
  Read(peer);
}

// Until there is nothing left, because the loop reports only what arrives after that. A read that
// did not fill its room has taken all there was; only an end that was reported with it takes
// another one to see.
void ConnectionTable::Read(Peer& peer) {
  for (std::size_t read = 0; read < kReadBytesPerTurn;) {
    const std::size_t room = std::min(peer.http().Room(), buffer_.size());
    if (room == 0) {
      if (peer.http().IsBusy() && peer.HasLeft()) Disconnect(peer);
      return;
    }
    const ssize_t size = ::recv(peer.fd(), buffer_.data(), room, MSG_DONTWAIT);
    if (size > 0) {
      read += static_cast<std::size_t>(size);
      peer.http().OnBytes({buffer_.data(), static_cast<std::size_t>(size)});
      if (static_cast<std::size_t>(size) < room && !peer.ended) return;
    } else if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return;
    } else if (size == 0 || errno != EINTR) {
      return Disconnect(peer);
    }
  }
  Enqueue(peer);
}

void ConnectionTable::Disconnect(Peer& peer) {
  peer.http().FlushAnswers();
  peer.http().OnDisconnect();
  peer.Close();
}

void ConnectionTable::Enqueue(Peer& peer) {
  if (std::exchange(peer.queued, true)) return;
  queue_.push_back(peer.key());
  RequestTurns();
}

// Not posted from here, because what is posted in a turn may run in the same one.
void ConnectionTable::RequestTurns() {
  if (!std::exchange(turns_requested_, true)) loop_.Defer(post_turns_);
}

void ConnectionTable::TakeTurns() {
  turns_requested_ = false;
  const MonotonicTime end = clock_.Now() + kQueueTimePerTurn;
  for (std::size_t left = std::min(queue_.size(), kQueuedPerTurn); left > 0; --left) {
    const Key key = queue_.front();
    queue_.pop_front();
    Peer* const peer = Find(key);
    if (peer == nullptr) continue;
    peer->queued = false;
    TakeTurn(*peer);
    if (clock_.Now() >= end) break;
  }
  if (!queue_.empty()) RequestTurns();
}

void ConnectionTable::CheckTimeouts(MonotonicTime now) {
  for (const auto& [fd, peer] : peers_) peer->http().OnTick(now);
}

void ConnectionTable::EndAfterAnswers() {
  draining_ = true;
  for (const auto& [fd, peer] : peers_) peer->http().EndAfterAnswer();
}

void ConnectionTable::CloseIdle() {
  for (const auto& [fd, peer] : peers_) peer->http().CloseIfIdle();
}

void ConnectionTable::FlushLater(Peer& peer) {
  if (!std::exchange(flush_deferred_, true)) loop_.Defer(flush_at_end_);
  to_flush_.push_back(peer.key());
  if (to_flush_.size() >= kAnswersTogether) Flush();
}

void ConnectionTable::FlushAtEnd() {
  flush_deferred_ = false;
  Flush();
}

void ConnectionTable::Flush() {
  for (const Key& key : std::exchange(to_flush_, {})) {
    if (Peer* const peer = Find(key)) peer->http().FlushAnswers();
  }
}

void ConnectionTable::CloseRequested() {
  for (const Key& key : std::exchange(to_close_, {})) {
    if (Find(key) != nullptr) Remove(key.first);
  }
}

ConnectionTable::Peer* ConnectionTable::Find(const Key& key) const {
  const auto found = peers_.find(key.first);
  return found != peers_.end() && found->second->key() == key ? found->second.get() : nullptr;
}

void ConnectionTable::Remove(int fd) {
  peers_.erase(fd);
  loop_.ClosePeer(fd);
  size_.fetch_sub(1, std::memory_order_relaxed);
  on_close_();
}

}  // namespace scaleout::gateway
