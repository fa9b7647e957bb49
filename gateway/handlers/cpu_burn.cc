#include "gateway/handlers/cpu_burn.h"

namespace scaleout::gateway {
namespace {

// Numbers between two looks at the clock: some ten microseconds' worth.
constexpr std::uint64_t kChunk = 256;
// Where the count begins anew, so that a chunk costs the same at the end as at the start.
constexpr std::uint64_t kLargest = 1'000'000;

bool IsPrime(std::uint64_t n) {
  for (std::uint64_t divisor = 2; divisor * divisor <= n; ++divisor) {
    if (n % divisor == 0) return false;
  }
  return n > 1;
}

}  // namespace

std::uint64_t BurnCpu(const Clock& clock, Duration duration, std::stop_token stop) {
  const MonotonicTime end = clock.Now() + duration;
  std::uint64_t primes = 0;
  std::uint64_t n = 0;
  while (clock.Now() < end && !stop.stop_requested()) {
    for (std::uint64_t i = 0; i < kChunk; ++i) primes += IsPrime(n + i) ? 1 : 0;
    n = (n + kChunk) % kLargest;
  }
  return primes;
}

}  // namespace scaleout::gateway
