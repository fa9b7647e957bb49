#include "gateway/backends/backend_guard.h"

#include <chrono>
#include <utility>

#include "common/status.h"
#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

constexpr Duration kLogInterval = std::chrono::seconds(1);

}  // namespace

bool IsBackendFailure(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
      return true;
    default:
      return false;
  }
}

BackendGuard::BackendGuard(std::string_view backend, Metrics& metrics, Logger& logger)
    : backend_(backend), metrics_(metrics), logger_(logger) {}

BackendCounts BackendGuard::counts() const {
  BackendCounts counts;
  counts.calls = calls_.load(std::memory_order_relaxed);
  counts.failures = failures_.load(std::memory_order_relaxed);
  counts.in_flight = in_flight_.load(std::memory_order_relaxed);
  return counts;
}

void BackendGuard::CountStart() {
  calls_.fetch_add(1, std::memory_order_relaxed);
  in_flight_.fetch_add(1, std::memory_order_relaxed);
}

void BackendGuard::CountEnd(absl::StatusCode code) {
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  if (IsBackendFailure(code)) failures_.fetch_add(1, std::memory_order_relaxed);
}

absl::Status BackendGuard::TransportError(absl::StatusCode code, std::string_view raw_message,
                                          MonotonicTime now) {
  const ErrorMetadata facts{{"backend", backend_}};
  if (code == absl::StatusCode::kCancelled) return absl::CancelledError("The client is gone.");
  LogTransportError(code, raw_message, now);
  if (code == absl::StatusCode::kDeadlineExceeded) {
    return WithReason(
        absl::DeadlineExceededError(StrCat("The ", backend_, " service did not answer in time.")),
        "DEADLINE_EXCEEDED", facts);
  }
  if (code == absl::StatusCode::kUnavailable) {
    return WithReason(
        absl::UnavailableError(StrCat("The ", backend_, " service is not reachable.")),
        "BACKEND_UNREACHABLE", facts);
  }
  return absl::Status(code, StrCat("The call to the ", backend_, " service failed."));
}

// A backend that is down fails every call; one line a second says as much as thousands.
void BackendGuard::LogTransportError(absl::StatusCode code, std::string_view raw_message,
                                     MonotonicTime now) {
  const Duration::rep time = Duration(now.time_since_epoch()).count();
  Duration::rep due = next_log_.load(std::memory_order_relaxed);
  const Duration::rep next = time + kLogInterval.count();
  if (time < due || !next_log_.compare_exchange_strong(due, next, std::memory_order_relaxed)) {
    held_back_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  logger_.Warn("Call to backend failed", {{"backend", backend_},
                                          {"code", CodeName(code)},
                                          {"error", raw_message},
                                          {"heldBack", held_back_.exchange(0)}});
}

RpcMethod::RpcMethod(BackendGuard& guard, std::string_view name, Repeat repeat)
    : guard_(guard), name_(name), repeat_(repeat) {}

void RpcMethod::Observe(absl::StatusCode code, Duration took) {
  std::size_t index = static_cast<std::size_t>(code);
  if (index >= kCodes) index = static_cast<std::size_t>(absl::StatusCode::kUnknown);
  Histogram* durations = durations_[index].load(std::memory_order_acquire);
  if (durations == nullptr) {
    // Two threads may come here at once: the registry gives both the same instrument.
    durations = &guard_.metrics().AddHistogram(
        "rpc_client_call_duration_seconds", "Duration of calls to backends.", LatencyBounds(),
        {{"backend", guard_.backend()},
         {"method", std::string(name_)},
         {"code", std::string(CodeName(static_cast<absl::StatusCode>(index)))}});
    durations_[index].store(durations, std::memory_order_release);
  }
  durations->Observe(std::chrono::duration<double>(took).count());
}

}  // namespace scaleout::gateway
