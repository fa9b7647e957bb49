// Pistache's side of an event loop: the one handler of its reactor, and the carrier of its peers.
//
// A reactor of Pistache 0.0.5 takes one handler only: with two it mixes up whose descriptor is
// ready, because the shift of its tags is counted in bytes. A connection needs a Tcp::Transport as
// its handler, so this is one, and everything else that the loop watches comes through it, too:
// OnReady gets all of it. Of the transport's own work it does the opening and closing of peers;
// its read loop is never entered. The loop's thread only, but for Attach.
#ifndef SCALEOUT_GATEWAY_RUNTIME_LOOP_TRANSPORT_H_
#define SCALEOUT_GATEWAY_RUNTIME_LOOP_TRANSPORT_H_

#include <pistache/reactor.h>
#include <pistache/transport.h>

#include <functional>
#include <memory>

#include "gateway/runtime/executor.h"

namespace scaleout::gateway {

class LoopTransport final : public Pistache::Tcp::Transport {
 public:
  using Ready = Pistache::Aio::FdSet;

  explicit LoopTransport(std::function<void(const Ready&)> on_ready);

  // Makes it the handler of `reactor`, before that runs.
  static std::shared_ptr<LoopTransport> Attach(Pistache::Aio::Reactor& reactor,
                                               std::function<void(const Ready&)> on_ready);

  // Level triggered. False if the kernel refuses.
  bool Add(int fd, FdEvents interest);
  bool Change(int fd, FdEvents interest);
  void Remove(int fd);

  // Edge triggered. Throws what Pistache throws.
  void AddPeer(int fd);
  void WatchPeerWritable(int fd);
  // Closes it.
  void RemovePeer(int fd);

  void registerPoller(Pistache::Polling::Epoll& poller) override;
  void onReady(const Ready& ready) override { on_ready_(ready); }
  std::shared_ptr<Pistache::Aio::Handler> clone() const override;

 private:
  const std::function<void(const Ready&)> on_ready_;
  Pistache::Polling::Epoll* poller_ = nullptr;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_LOOP_TRANSPORT_H_
