#include "common/fault_points.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <optional>
#include <utility>

#include "absl/strings/str_join.h"
#include "common/str_cat.h"

namespace scaleout {
namespace {

constexpr std::array<std::pair<std::string_view, FaultAction>, 2> kActions = {
    {{"exit", FaultAction::kExit}, {"stop", FaultAction::kStop}}};

constexpr std::int64_t kMaxPassage = 1'000'000;

std::string_view ActionName(FaultAction action) {
  return std::ranges::find(kActions, action, &decltype(kActions)::value_type::second)->first;
}

std::string NamesOf(std::span<const FaultPoint> points) {
  std::vector<std::string> names;
  for (const FaultPoint& point : points) names.emplace_back(point.name);
  return names.empty() ? "none" : absl::StrJoin(names, ", ");
}

// What `text` arms; what is wrong with it goes to `problem`.
std::optional<ArmedFault> ParseFault(std::string_view text, std::span<const FaultPoint> points,
                                     std::string& problem) {
  ArmedFault fault;
  const std::size_t at = text.find('@');
  if (at != std::string_view::npos) {
    const std::string_view number = text.substr(at + 1);
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), fault.passage);
    if (error != std::errc() || end != number.data() + number.size() || fault.passage < 1 ||
        fault.passage > kMaxPassage) {
      problem = StrCat("after @ comes a number from 1 to ", kMaxPassage);
      return std::nullopt;
    }
    text = text.substr(0, at);
  }
  const std::size_t colon = text.find(':');
  fault.point = std::string(text.substr(0, colon));
  if (std::ranges::find(points, std::string_view(fault.point), &FaultPoint::name) == points.end()) {
    problem = StrCat("the points of this program: ", NamesOf(points));
    return std::nullopt;
  }
  const std::string_view name =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  const auto action = std::ranges::find(kActions, name, &decltype(kActions)::value_type::first);
  if (action == kActions.end()) {
    problem = "wants point:exit or point:stop";
    return std::nullopt;
  }
  fault.action = action->second;
  return fault;
}

}  // namespace

void DeclareFaultSettings(Settings& settings, FaultConfig& config) {
  settings.Switch("LAB_FAULTS", config.allowed, "FAULT may end or stop the process");
  std::vector<std::string> wanted;
  settings.List(
      "FAULT", wanted,
      "point:exit or point:stop, comma separated: what the process does to itself when it "
      "passes that point (--fault-points lists them); point:exit@N: at the Nth time");
  if (!wanted.empty() && !config.allowed) settings.Refuse("FAULT", "needs LAB_FAULTS=on");
  for (const std::string& text : wanted) {
    std::string problem;
    std::optional<ArmedFault> fault = ParseFault(text, config.points, problem);
    if (fault) {
      config.armed.push_back(*std::move(fault));
    } else {
      settings.Refuse("FAULT", problem);
    }
  }
}

std::string DescribeFaultPoints(std::span<const FaultPoint> points) {
  std::string text;
  for (const FaultPoint& point : points) StrAppend(&text, point.name, "\t", point.help, "\n");
  return text;
}

struct FaultPoints::Armed {
  explicit Armed(const ArmedFault& fault_in) : fault(fault_in) {}

  const ArmedFault fault;
  std::atomic<std::int64_t> passed{0};
};

const FaultPoints& FaultPoints::None() {
  static const FaultPoints none;
  return none;
}

FaultPoints::FaultPoints() : logger_(nullptr) {}

FaultPoints::FaultPoints(const FaultConfig& config, Logger& logger) : logger_(&logger) {
  if (!config.allowed) return;
  for (const ArmedFault& fault : config.armed) armed_.push_back(std::make_unique<Armed>(fault));
  std::vector<std::string> names;
  for (const ArmedFault& fault : config.armed) {
    names.push_back(StrCat(fault.point, ":", ActionName(fault.action), "@", fault.passage));
  }
  logger.Warn("LAB_FAULTS is on: this process may end or stop itself",
              {{"faults", absl::StrJoin(names, ",")}});
}

FaultPoints::~FaultPoints() = default;

void FaultPoints::PassArmed(const FaultPoint& point) const {
  for (const std::unique_ptr<Armed>& armed : armed_) {
    const ArmedFault& fault = armed->fault;
    if (fault.point != point.name) continue;
    if (armed->passed.fetch_add(1, std::memory_order_relaxed) + 1 != fault.passage) continue;
    logger_->Warn("fault", {{"point", point.name}, {"action", ActionName(fault.action)}});
    logger_->Flush();
    // To this thread: a signal to the process may reach another thread first, and this one would
    // go on past the point.
    ::raise(fault.action == FaultAction::kExit ? SIGKILL : SIGSTOP);
  }
}

}  // namespace scaleout
