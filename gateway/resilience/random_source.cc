#include "gateway/resilience/random_source.h"

#include <random>

namespace scaleout::gateway {

RandomSource MakeRandomSource() {
  return [] {
    thread_local std::mt19937_64 generator{std::random_device{}()};
    return std::uniform_real_distribution<double>(0, 1)(generator);
  };
}

}  // namespace scaleout::gateway
