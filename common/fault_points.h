// Named points between two steps of a program's work, at which the lab lets the process die or
// stop, so that a test can ask what becomes of work that was broken off just there.
//
//   LAB_FAULTS=on FAULT=after_charge:exit payment-service
//
// A step is what outlives the process: a commit, a call of another program. Each program has a
// closed list of its points, which --fault-points prints. FAULT arms some of them: point:action,
// comma separated, with @N after it for the Nth time that the point is passed instead of the first.
//   exit  the process sends itself SIGKILL: nothing is cleaned up, nothing is answered
//   stop  it sends itself SIGSTOP: the thread that passes gets past the point after SIGCONT only,
//         and it stops no more
// Without LAB_FAULTS=on nothing can be armed. A point that is passed where nothing is armed costs
// one comparison. What is armed does not change; passing is thread-safe.
#ifndef SCALEOUT_COMMON_FAULT_POINTS_H_
#define SCALEOUT_COMMON_FAULT_POINTS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/log.h"
#include "common/settings.h"

namespace scaleout {

// Its texts are literals.
struct FaultPoint {
  std::string_view name;  // "after_charge"
  std::string_view help;  // what is done then, and what is not
};

enum class FaultAction { kExit, kStop };

struct ArmedFault {
  friend bool operator==(const ArmedFault&, const ArmedFault&) = default;

  std::string point;
  FaultAction action = FaultAction::kExit;
  std::int64_t passage = 1;  // at which of them
};

struct FaultConfig {
  // Those of the program; not a setting.
  std::span<const FaultPoint> points = {};
  // Whether any may be armed.
  bool allowed = false;
  std::vector<ArmedFault> armed = {};
};

// LAB_FAULTS and FAULT. A point that the program has not is refused with a list of those that it
// has.
void DeclareFaultSettings(Settings& settings, FaultConfig& config);

// What --fault-points prints: a line for each, its name, a tab and its help.
std::string DescribeFaultPoints(std::span<const FaultPoint> points);

class FaultPoints {
 public:
  // Where nothing is armed, as in every test that does not ask for it.
  static const FaultPoints& None();

  // Warns where faults are allowed. `logger` outlives the points.
  FaultPoints(const FaultConfig& config, Logger& logger);
  FaultPoints(const FaultPoints&) = delete;
  FaultPoints& operator=(const FaultPoints&) = delete;
  ~FaultPoints();

  void Pass(const FaultPoint& point) const {
    if (!armed_.empty()) PassArmed(point);
  }

 private:
  struct Armed;

  FaultPoints();

  void PassArmed(const FaultPoint& point) const;

  Logger* const logger_;
  std::vector<std::unique_ptr<Armed>> armed_;
};

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_FAULT_POINTS_H_
