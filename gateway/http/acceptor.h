// Accepts connections for one event loop, from sockets that all loops (and all worker processes)
// share.
//
// An idle loop accepts one connection a turn, so a loop that is blocked takes none and the others
// do; one at work accepts as many as it had descriptors ready, or its queue in the kernel would
// grow with the length of its turns. It accepts at the end of the turn, after what the loop has
// already, and the sockets take turns at being first. It pauses while `has_room` says no, and for a
// while when the process lacks descriptors or memory: the sockets are level triggered, so that a
// loop that goes on watching them without accepting would spin. A new connection wakes every idle
// loop, and all but one find nothing (docs/adr/2026-11-21-accept-wakeups.md). Loop thread only.
#ifndef SCALEOUT_GATEWAY_HTTP_ACCEPTOR_H_
#define SCALEOUT_GATEWAY_HTTP_ACCEPTOR_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "common/log.h"
#include "gateway/http/listen_socket.h"
#include "gateway/runtime/event_loop.h"

namespace scaleout::gateway {

// However busy a loop is, it hands no more new connections than this to its next turn.
inline constexpr std::size_t kMaxAcceptsPerTurn = 64;

class Acceptor final : private Job {
 public:
  // `sockets` are shared by the loops; the last acceptor that lets go of them closes them. `accept`
  // takes a connected non-blocking socket. The loop and the logger outlive the acceptor.
  Acceptor(EventLoop& loop, Logger& logger, std::shared_ptr<const ListenSockets> sockets,
           std::function<void(int fd)> accept, std::function<bool()> has_room);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Begins to accept; the sockets listen already.
  void Start();
  // has_room may have another answer.
  void CheckRoom() { Update(); }
  // Ends a pause for lack of resources; to be called a few times a second.
  void EndPause();
  // Takes what waits in the kernel's queues, then gives the sockets up.
  void Stop();

 private:
  // One of the sockets.
  class Door final : public FdWatcher {
   public:
    Door(Acceptor& acceptor, const ListenSocket& socket) : acceptor_(acceptor), socket_(socket) {}
    void OnReady(FdEvents ready) override;
    const ListenSocket& socket() const { return socket_; }
    // Since it was asked last.
    bool TakeReady() { return std::exchange(ready_, false); }

   private:
    Acceptor& acceptor_;
    const ListenSocket& socket_;
    bool ready_ = false;
  };

  void Run() override;

  // Watches the sockets or stops watching them, as things are.
  void Update();
  // How many there were; at most `most`.
  std::size_t AcceptUpTo(std::size_t most, const ListenSocket& socket);
  // Whether there may be more.
  bool AcceptOne(const ListenSocket& socket);

  EventLoop& loop_;
  Logger& logger_;
  std::shared_ptr<const ListenSockets> sockets_;
  const std::function<void(int)> accept_;
  const std::function<bool()> has_room_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::size_t first_door_ = 0;  // of the next turn
  bool started_ = false;
  bool paused_ = false;
  bool watching_ = false;
  std::size_t ready_doors_ = 0;  // in this turn
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_ACCEPTOR_H_
