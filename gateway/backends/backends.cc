#include "gateway/backends/backends.h"

#include <grpc/support/time.h>
#include <grpcpp/channel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "gateway/backends/backend_channel.h"
#include "gateway/backends/completion_threads.h"
#include "gateway/backends/rpc_call.h"

namespace scaleout::gateway {
namespace {

// Callbacks that are under way take microseconds.
constexpr std::chrono::seconds kCallbackWait{1};

}  // namespace

Backend* Backends::Find(std::string_view name) {
  const auto found =
      std::ranges::find_if(list_, [name](const Backend& backend) { return backend.name == name; });
  return found == list_.end() ? nullptr : &*found;
}

std::vector<BackendGuard*> Backends::guards() {
  std::vector<BackendGuard*> guards;
  for (Backend& backend : list_) guards.push_back(&backend.guard);
  for (BackendGuard& guard : further_guards_) guards.push_back(&guard);
  return guards;
}

BackendGuard* Backends::FindGuard(std::string_view name) {
  for (BackendGuard* const guard : guards()) {
    if (guard->backend() == name) return guard;
  }
  return nullptr;
}

Backend& Backends::Get(std::string_view name) {
  Backend* backend = Find(name);
  if (backend == nullptr) {
    std::fprintf(stderr, "backends: there is no %.*s\n", static_cast<int>(name.size()),
                 name.data());
    std::abort();
  }
  return *backend;
}

bool Backends::WaitUntilConnected(Duration timeout) {
  const auto deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                     gpr_time_from_nanos(timeout.count(), GPR_TIMESPAN));
  bool connected = true;
  for (Backend& backend : list_) {
    connected &= backend.channel->channel()->WaitForConnected(deadline);
  }
  return connected;
}

bool Backends::WaitForCallbacks() {
  return std::ranges::all_of(list_, [](Backend& backend) {
    return backend.channel->callbacks().WaitAtMost(kCallbackWait);
  });
}

Backends MakeBackends(const std::vector<BackendTarget>& targets, const GuardParts& parts,
                      std::size_t loops) {
  Backends backends;
  const auto threads = std::make_shared<CompletionThreads>(CompletionThreads::ThreadsFor(loops));
  for (const BackendTarget& target : targets) {
    backends.Add(target.name, target.target, parts, threads);
  }
  return backends;
}

}  // namespace scaleout::gateway
