#include "gateway/runtime/loop_utilization.h"

#include <algorithm>

namespace scaleout::gateway {
namespace {

constexpr std::int64_t kSlotNs = 100'000'000;
constexpr std::int64_t kSlotsInSecond = 10;
constexpr int kBusyBits = 28;
constexpr std::uint64_t kBusyMask = (std::uint64_t{1} << kBusyBits) - 1;

std::int64_t Nanoseconds(MonotonicTime time) { return Duration(time.time_since_epoch()).count(); }

}  // namespace

void LoopUtilization::OnWake(MonotonicTime now) {
  const std::int64_t time = Nanoseconds(now);
  if (first_wake_.load(std::memory_order_relaxed) == 0) {
    first_wake_.store(time, std::memory_order_relaxed);
  }
  if (busy_since_.load(std::memory_order_relaxed) == 0) {
    busy_since_.store(time, std::memory_order_release);
  }
}

void LoopUtilization::OnIdle(MonotonicTime now) {
  const std::int64_t since = busy_since_.load(std::memory_order_relaxed);
  if (since == 0) return;
  AddBusy(since, Nanoseconds(now));
  busy_since_.store(0, std::memory_order_release);
}

void LoopUtilization::AddBusy(std::int64_t from, std::int64_t to) {
  for (std::int64_t place = std::max(from / kSlotNs, to / kSlotNs - kSlotsInSecond);
       place <= to / kSlotNs; ++place) {
    const std::int64_t begin = std::max(from, place * kSlotNs);
    const std::int64_t end = std::min(to, (place + 1) * kSlotNs);
    if (end <= begin) continue;
    Slot& slot = slots_[static_cast<std::size_t>(place) % slots_.size()];
    const std::uint64_t seen = slot.load(std::memory_order_relaxed);
    const auto tag = static_cast<std::uint64_t>(place);
    const std::uint64_t busy = seen >> kBusyBits == tag ? seen & kBusyMask : 0;
    slot.store(tag << kBusyBits | (busy + static_cast<std::uint64_t>(end - begin)),
               std::memory_order_relaxed);
  }
}

double LoopUtilization::Ratio(MonotonicTime now) const {
  const std::int64_t time = Nanoseconds(now);
  const std::int64_t first = first_wake_.load(std::memory_order_relaxed);
  if (first == 0) return 0;
  const std::int64_t newest = time / kSlotNs;
  const std::int64_t oldest = newest - kSlotsInSecond + 1;
  const std::int64_t begin = std::max(first, oldest * kSlotNs);
  if (time <= begin) return 0;

  const std::int64_t busy_since = busy_since_.load(std::memory_order_acquire);
  std::int64_t busy = busy_since == 0 ? 0 : time - std::max(busy_since, begin);
  for (const Slot& slot : slots_) {
    const std::uint64_t seen = slot.load(std::memory_order_relaxed);
    const auto place = static_cast<std::int64_t>(seen >> kBusyBits);
    if (place < oldest || place > newest) continue;
    busy += static_cast<std::int64_t>(seen & kBusyMask);
  }
  return std::clamp(static_cast<double>(busy) / static_cast<double>(time - begin), 0.0, 1.0);
}

}  // namespace scaleout::gateway
