// What a test's bound on time allows beside what is promised: a machine whose processors are shared
// with others may stand still for two seconds at any place. A bound with it tells a wait that ends
// from one that does not; how long it takes on a quiet machine, the bench says.
#ifndef SCALEOUT_TESTS_SUPPORT_STANDSTILL_H_
#define SCALEOUT_TESTS_SUPPORT_STANDSTILL_H_

#include <chrono>

namespace scaleout::testing {

inline constexpr std::chrono::seconds kStandstill{5};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_STANDSTILL_H_
