#include "gateway/http/acceptor.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

namespace scaleout::gateway {
namespace {

bool LacksResources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Acceptor::Acceptor(EventLoop& loop, Logger& logger, std::shared_ptr<const ListenSockets> sockets,
                   std::function<void(int)> accept, std::function<bool()> has_room)
    : loop_(loop),
      logger_(logger),
      sockets_(std::move(sockets)),
      accept_(std::move(accept)),
      has_room_(std::move(has_room)) {
  for (const ListenSocket& socket : *sockets_) {
    doors_.push_back(std::make_unique<Door>(*this, socket));
  }
}

void Acceptor::Start() {
  started_ = true;
  Update();
}

void Acceptor::EndPause() {
  paused_ = false;
  Update();
}

void Acceptor::Stop() {
  for (const std::unique_ptr<Door>& door : doors_) {
    AcceptUpTo(std::numeric_limits<std::size_t>::max(), door->socket());
  }
  started_ = false;
  Update();
  doors_.clear();
  sockets_.reset();
}

void Acceptor::Door::OnReady(FdEvents) {
  ready_ = true;
  if (acceptor_.ready_doors_++ == 0) acceptor_.loop_.Defer(acceptor_);
}

// At the end of a turn: the sockets share what may be accepted in it.
void Acceptor::Run() {
  const std::size_t others = loop_.ready_in_turn() - std::exchange(ready_doors_, 0);
  std::size_t most = std::min(1 + others, kMaxAcceptsPerTurn);
  for (std::size_t i = 0; i < doors_.size(); ++i) {
    Door& door = *doors_[(first_door_ + i) % doors_.size()];
    if (door.TakeReady()) most -= AcceptUpTo(most, door.socket());
  }
  ++first_door_;
}

void Acceptor::Update() {
  const bool wanted = started_ && !paused_ && has_room_();
  if (wanted == watching_) return;
  watching_ = wanted;
  for (const std::unique_ptr<Door>& door : doors_) {
    if (!wanted) {
      loop_.Unwatch(door->socket().fd());
    } else if (!loop_.Watch(door->socket().fd(), {.readable = true}, *door)) {
      paused_ = true;
      return Update();
    }
  }
}

std::size_t Acceptor::AcceptUpTo(std::size_t most, const ListenSocket& socket) {
  std::size_t accepted = 0;
  while (accepted < most && watching_ && AcceptOne(socket)) ++accepted;
  return accepted;
}

bool Acceptor::AcceptOne(const ListenSocket& socket) {
  const int fd = ::accept4(socket.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    accept_(fd);
    Update();
    return true;
  }
  if (!LacksResources(errno)) return false;
  logger_.Error("cannot accept", {{"error", std::strerror(errno)}});
  paused_ = true;
  Update();
  return false;
}

}  // namespace scaleout::gateway
