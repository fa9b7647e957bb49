#include "gateway/runtime/loop_transport.h"

#include <pistache/peer.h>
#include <pistache/tcp.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <utility>

namespace scaleout::gateway {
namespace {

namespace Polling = Pistache::Polling;
namespace Tcp = Pistache::Tcp;
using Polling::NotifyOn;

// A transport wants one for its own read loop, which this one never enters.
class NoPeerEvents final : public Tcp::Handler {
 public:
  void onInput(const char*, std::size_t, const std::shared_ptr<Tcp::Peer>&) override {
    std::abort();
  }
  std::shared_ptr<Tcp::Handler> clone() const override { std::abort(); }
};

Polling::Tag TagOf(int fd) { return Polling::Tag(static_cast<std::uint64_t>(fd)); }

Pistache::Flags<NotifyOn> FlagsOf(FdEvents interest) {
  Pistache::Flags<NotifyOn> flags;
  if (interest.readable) flags.setFlag(NotifyOn::Read);
  if (interest.writable) flags.setFlag(NotifyOn::Write);
  return flags;
}

// Pistache throws where the kernel refuses.
template <typename Call>
bool Succeeds(Call call) {
  try {
    call();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

LoopTransport::LoopTransport(std::function<void(const Ready&)> on_ready)
    : Tcp::Transport(std::make_shared<NoPeerEvents>()), on_ready_(std::move(on_ready)) {}

std::shared_ptr<LoopTransport> LoopTransport::Attach(Pistache::Aio::Reactor& reactor,
                                                     std::function<void(const Ready&)> on_ready) {
  auto transport = std::make_shared<LoopTransport>(std::move(on_ready));
  reactor.addHandler(transport);
  return transport;
}

void LoopTransport::registerPoller(Polling::Epoll& poller) {
  Tcp::Transport::registerPoller(poller);
  poller_ = &poller;
}

bool LoopTransport::Add(int fd, FdEvents interest) {
  return Succeeds([&] { poller_->addFd(fd, FlagsOf(interest), TagOf(fd)); });
}

bool LoopTransport::Change(int fd, FdEvents interest) {
  return Succeeds([&] { poller_->rearmFd(fd, FlagsOf(interest), TagOf(fd)); });
}

void LoopTransport::Remove(int fd) {
  // It fails only for a descriptor that has been closed, which is not watched any more.
  Succeeds([&] { poller_->removeFd(fd); });
}

// Pistache wants an address only to print it, and knows no Unix sockets.
void LoopTransport::AddPeer(int fd) {
  try {
    handleNewPeer(Tcp::Peer::Create(fd, Pistache::Address()));
  } catch (...) {
    peers.erase(fd);
    ::close(fd);
    throw;
  }
}

void LoopTransport::WatchPeerWritable(int fd) {
  reactor()->modifyFd(key(), fd, NotifyOn::Read | NotifyOn::Write | NotifyOn::Shutdown,
                      Polling::Mode::Edge);
}

void LoopTransport::RemovePeer(int fd) {
  const auto found = peers.find(fd);
  if (found == peers.end()) return;
  const std::shared_ptr<Tcp::Peer> peer = found->second;
  removePeer(peer);
}

std::shared_ptr<Pistache::Aio::Handler> LoopTransport::clone() const { std::abort(); }

}  // namespace scaleout::gateway
