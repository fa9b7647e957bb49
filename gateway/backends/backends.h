// The backends of one gateway instance, as a list: what is the same for each of them iterates it.
//
// In the order in which they were added, which is the table's (backend_table.h). Calls that must
// not share a backend's breaker and bulkhead have a guard of their own, which is among the guards
// beside those of the backends. The list is filled before the loops start and does not change
// afterwards, so reading it needs no lock; what is in it stays where it is when the list is moved.
// Looking up a name walks the list: that is for requests about a backend and for wiring, not for
// calls.
#ifndef SCALEOUT_GATEWAY_BACKENDS_BACKENDS_H_
#define SCALEOUT_GATEWAY_BACKENDS_BACKENDS_H_

#include <cstddef>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "gateway/backends/backend.h"
#include "gateway/backends/backend_table.h"

namespace scaleout::gateway {

class Backends {
 public:
  // With the arguments of one of Backend's constructors.
  template <typename... Arguments>
  Backend& Add(Arguments&&... arguments) {
    return list_.emplace_back(std::forward<Arguments>(arguments)...);
  }

  // A guard beside those of the backends; its parts' configuration is copied.
  BackendGuard& AddGuard(std::string_view name, const GuardParts& parts) {
    return further_guards_.emplace_back(name, parts);
  }

  std::size_t size() const { return list_.size(); }
  auto begin() { return list_.begin(); }
  auto end() { return list_.end(); }

  // Null if there is no such backend.
  Backend* Find(std::string_view name);
  // Every guard: those of the backends, then the others. By name: null if there is none.
  std::vector<BackendGuard*> guards();
  BackendGuard* FindGuard(std::string_view name);
  // For a name from the table; ends the process over any other.
  Backend& Get(std::string_view name);

  // Blocks until every channel is connected, at most `timeout`: so that a gateway that says it is
  // ready can answer. False if one is not; it goes on trying by itself.
  bool WaitUntilConnected(Duration timeout);

  // Blocks until the completion threads have left PendingRpc::OnDone. To be called when the loops
  // have ended, before they are destroyed: a callback may still be waking its loop. False, soon, if
  // there are calls that gRPC does not end (rpc_call.h): the process must leave without destructors
  // then.
  bool WaitForCallbacks();

 private:
  std::deque<Backend> list_;
  std::deque<BackendGuard> further_guards_;
};

// For a gateway with so many loops.
Backends MakeBackends(const std::vector<BackendTarget>& targets, const GuardParts& parts,
                      std::size_t loops = 1);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_BACKENDS_H_
