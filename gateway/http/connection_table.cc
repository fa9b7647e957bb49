#include "gateway/http/connection_table.h"

#include <sys/socket.h>

#include <cerrno>
#include <string_view>

namespace scaleout::gateway {

// One connection: its descriptor, which is the loop's peer, and its HTTP side.
class ConnectionTable::Peer final : public Socket, public FdWatcher {
 public:
  Peer(ConnectionTable& table, int fd, std::uint64_t number)
      : table_(table),
        key_(fd, number),
        http_(std::make_shared<HttpConnection>(*this, table.loop_, table.clock_, table.limits_,
                                               table.head_writer_, table.handler_)) {}
  ~Peer() { http_->OnDisconnect(); }

  int fd() const { return key_.first; }
  const Key& key() const { return key_; }
  HttpConnection& http() { return *http_; }

  void OnReady(FdEvents ready) override {
    if (ready.writable) http_->OnWritable();
    // A connection with bytes left is read once a turn, however many more arrive meanwhile.
    if (ready.readable && !unfinished) table_.Read(*this);
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

  void ShutDownWriting() override { ::shutdown(fd(), SHUT_WR); }

  bool unfinished = false;  // is in the table's list

  void Close() override {
    if (table_.to_close_.empty()) table_.loop_.Defer(table_.close_requested_);
    table_.to_close_.push_back(key_);
  }

 private:
  ConnectionTable& table_;
  const Key key_;
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

// Until there is nothing left, because the loop reports only what arrives after that.
void ConnectionTable::Read(Peer& peer) {
  std::size_t read = 0;
  while (read < kReadBytesPerTurn) {
    const ssize_t size = ::recv(peer.fd(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (size > 0) {
      read += static_cast<std::size_t>(size);
      peer.http().OnBytes({buffer_.data(), static_cast<std::size_t>(size)});
    } else if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return;
    } else if (size == 0 || errno != EINTR) {
      peer.http().OnDisconnect();
      peer.Close();
      return;
    }
  }
  // Not posted from here, because what is posted in a turn may run in the same one.
  if (unfinished_.empty()) loop_.Defer(read_in_next_turn_);
  unfinished_.push_back(peer.key());
  peer.unfinished = true;
}

void ConnectionTable::ReadUnfinished() {
  for (const Key& key : std::exchange(unfinished_, {})) {
    Peer* const peer = Find(key);
    if (peer == nullptr) continue;
    peer->unfinished = false;
    Read(*peer);
  }
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
