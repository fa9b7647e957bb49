#include "service/health_service.h"

#include <atomic>
#include <optional>
#include <utility>

#include "common/routing_health.h"

namespace scaleout {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// One stream. gRPC destroys it through OnDone; the service only knows it until then.
class HealthService::Watcher final : public grpc::ServerWriteReactor<HealthCheckResponse> {
 public:
  Watcher(HealthService& service, std::string name) : service_(service), name_(std::move(name)) {
    made_.store(true, std::memory_order_release);
  }

  const std::string& name() const { return name_; }

  // The last one wins where the client reads slowly.
  void Send(HealthCheckResponse::ServingStatus status) {
    const std::lock_guard lock(mutex_);
    next_ = status;
    GoOnLocked();
  }

  void End() {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    GoOnLocked();
  }

  void OnWriteDone(bool ok) override {
    (void)made_.load(std::memory_order_acquire);
    const std::lock_guard lock(mutex_);
    writing_ = false;
    ending_ = ending_ || !ok;
    GoOnLocked();
  }

  void OnCancel() override {
    (void)made_.load(std::memory_order_acquire);
    End();
  }

  void OnDone() override {
    {
      const std::lock_guard lock(service_.mutex_);
      service_.watchers_.erase(this);
    }
    delete this;
  }

 private:
  void GoOnLocked() {
    if (writing_ || finished_) return;
    if (ending_) {
      finished_ = true;
      Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "shutting down"));
    } else if (next_) {
      writing_ = true;
      response_.set_status(*std::exchange(next_, std::nullopt));
      StartWrite(&response_);
    }
  }

  HealthService& service_;
  const std::string name_;
  std::mutex mutex_;
  HealthCheckResponse response_;
  std::optional<HealthCheckResponse::ServingStatus> next_;
  bool writing_ = false;
  bool ending_ = false;
  bool finished_ = false;
  // Hands the watcher to gRPC's threads; gRPC does the same, but not where a race detector sees it.
  std::atomic<bool> made_{false};
};

namespace {

HealthCheckResponse::ServingStatus ToStatus(bool serving) {
  return serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

}  // namespace

HealthService::HealthService() { serving_.emplace(kRoutingHealth, true); }

HealthService::~HealthService() = default;

void HealthService::Set(std::string_view name, bool serving) {
  const std::lock_guard lock(mutex_);
  serving_.insert_or_assign(std::string(name), serving);
  for (Watcher* watcher : watchers_) {
    if (watcher->name() == name) watcher->Send(ToStatus(serving));
  }
}

void HealthService::Leave() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(leaving_, true)) return;  // what is held by now stays so
  for (Watcher* watcher : watchers_) {
    if (watcher->name() == kRoutingHealth) watcher->End();
  }
}

void HealthService::End() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  for (Watcher* watcher : watchers_) watcher->End();
}

grpc::ServerUnaryReactor* HealthService::Check(grpc::CallbackServerContext* context,
                                               const HealthCheckRequest* request,
                                               HealthCheckResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::lock_guard lock(mutex_);
  const auto found = serving_.find(request->service());
  if (found == serving_.end()) {
    reactor->Finish(grpc::Status(grpc::StatusCode::NOT_FOUND, "no service of that name"));
    return reactor;
  }
  response->set_status(ToStatus(found->second));
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<HealthCheckResponse>* HealthService::Watch(
    grpc::CallbackServerContext*, const HealthCheckRequest* request) {
  auto* watcher = new Watcher(*this, request->service());
  const std::lock_guard lock(mutex_);
  watchers_.insert(watcher);
  if (ended_) {
    watcher->End();
  } else if (watcher->name() != kRoutingHealth || !leaving_) {
    const auto found = serving_.find(watcher->name());
    watcher->Send(found == serving_.end() ? HealthCheckResponse::SERVICE_UNKNOWN
                                          : ToStatus(found->second));
  }
  return watcher;
}

}  // namespace scaleout
