#include "common/env.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_join.h"
#include "common/str_cat.h"

namespace scaleout {
namespace {

constexpr std::string_view kFileSuffix = "_FILE";

// A configuration value, a secret at most; more is the wrong file.
constexpr std::streamsize kMaxFileBytes = 64 * 1024;

struct Unit {
  std::string_view name;
  std::int64_t size;
};

constexpr std::array<Unit, 4> kTimeUnits = {
    {{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<Unit, 4> kByteUnits = {
    {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}};

// How many letters must be inserted, removed or replaced to get from one to the other
// (Levenshtein).
std::size_t EditDistance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> costs(to.size() + 1);
  std::iota(costs.begin(), costs.end(), 0);
  for (const char letter : from) {
    std::size_t replace = costs[0]++;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t keep_or_replace = replace + (letter == to[j - 1] ? 0 : 1);
      replace = costs[j];
      costs[j] = std::min({costs[j] + 1, costs[j - 1] + 1, keep_or_replace});
    }
  }
  return costs.back();
}

// Zero needs no unit.
template <std::size_t N>
std::optional<std::int64_t> ParseWithUnit(std::string_view text, const std::array<Unit, N>& units) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  if (number == 0 && name.empty()) return 0;
  for (const Unit& unit : units) {
    if (name != unit.name) continue;
    if (number > std::numeric_limits<std::int64_t>::max() / unit.size) return std::nullopt;
    return number * unit.size;
  }
  return std::nullopt;
}

// In the largest unit that it is a whole number of.
template <std::size_t N>
std::string RenderWithUnit(std::int64_t value, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.size == 0) return StrCat(value / unit.size, unit.name);
  }
  return StrCat(value, units.back().name);
}

// Without the last newline, which editors and `echo` add.
absl::StatusOr<std::string> ReadValueFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content(kMaxFileBytes + 1, '\0');
  if (!file || file.read(content.data(), kMaxFileBytes + 1).bad()) {
    return absl::NotFoundError(StrCat("cannot be read (", std::strerror(errno), ")"));
  }
  if (file.gcount() > kMaxFileBytes) return absl::OutOfRangeError("holds more than 64 KiB");
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.ends_with('\n')) content.pop_back();
  if (content.empty()) return absl::NotFoundError("is empty");
  return content;
}

// Not absl::SimpleAtoi and its kin: they forgive blanks and a plus sign.
template <typename T>
std::optional<T> ParseNumber(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

EnvironmentMap ProcessEnvironment() {
  EnvironmentMap variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

void SetProcessDefault(const char* name, const char* value) {
  ::setenv(name, value, /*overwrite=*/0);
}

std::string RenderMilliseconds(std::chrono::milliseconds value) {
  return RenderWithUnit(value.count(), kTimeUnits);
}

std::string RenderBytes(std::int64_t value) { return RenderWithUnit(value, kByteUnits); }

Environment::Environment(EnvironmentMap variables, std::vector<std::string> prefixes)
    : variables_(std::move(variables)), prefixes_(std::move(prefixes)) {
  std::erase_if(variables_, [](const auto& variable) { return variable.second.empty(); });
}

std::string Environment::String(std::string_view name, std::string_view default_value) {
  const std::string* value = Find(name);
  return value ? *value : std::string(default_value);
}

std::string Environment::Secret(std::string_view name, std::string_view default_value) {
  secrets_.emplace(name);
  return String(name, default_value);
}

std::string Environment::Required(std::string_view name) {
  const std::string* value = Find(name);
  if (value) return *value;
  // A file that cannot be read has been noted already.
  if (!variables_.contains(StrCat(name, kFileSuffix))) {
    AddProblem(StrCat(name, ": required, but not set"));
  }
  return std::string();
}

std::int64_t Environment::Int(std::string_view name, std::int64_t default_value, std::int64_t min,
                              std::int64_t max) {
  const std::string* value = Find(name);
  if (!value) return default_value;
  const std::optional<std::int64_t> number = ParseNumber<std::int64_t>(*value);
  if (number && *number >= min && *number <= max) return *number;
  Refuse(name, StrCat(number ? "out of range" : "not a whole number", " (", min, " to ", max, ")"));
  return default_value;
}

double Environment::Double(std::string_view name, double default_value, double min, double max) {
  const std::string* value = Find(name);
  if (!value) return default_value;
  const std::optional<double> number = ParseNumber<double>(*value);
  if (number && *number >= min && *number <= max) return *number;
  const bool is_number = number && !std::isnan(*number);
  Refuse(name, StrCat(is_number ? "out of range" : "not a number", " (", min, " to ", max, ")"));
  return default_value;
}

bool Environment::Switch(std::string_view name, bool default_value) {
  const std::string* value = Find(name);
  if (!value) return default_value;
  if (*value == "on" || *value == "true" || *value == "1") return true;
  if (*value == "off" || *value == "false" || *value == "0") return false;
  Refuse(name, "neither on nor off");
  return default_value;
}

std::chrono::milliseconds Environment::Milliseconds(std::string_view name,
                                                    std::chrono::milliseconds default_value,
                                                    std::chrono::milliseconds min,
                                                    std::chrono::milliseconds max) {
  const std::string* value = Find(name);
  if (!value) return default_value;
  const std::optional<std::int64_t> number = ParseWithUnit(*value, kTimeUnits);
  if (number && *number >= min.count() && *number <= max.count()) {
    return std::chrono::milliseconds(*number);
  }
  Refuse(name, StrCat(number ? "out of range" : "not a duration such as 250ms, 3s, 2m or 1h", " (",
                      RenderMilliseconds(min), " to ", RenderMilliseconds(max), ")"));
  return default_value;
}

std::int64_t Environment::Bytes(std::string_view name, std::int64_t default_value, std::int64_t min,
                                std::int64_t max) {
  const std::string* value = Find(name);
  if (!value) return default_value;
  const std::optional<std::int64_t> number = ParseWithUnit(*value, kByteUnits);
  if (number && *number >= min && *number <= max) return *number;
  Refuse(name, StrCat(number ? "out of range" : "not a size such as 65536, 64KiB or 1MiB", " (",
                      RenderBytes(min), " to ", RenderBytes(max), ")"));
  return default_value;
}

std::string Environment::OneOf(std::string_view name, std::string_view default_value,
                               const std::vector<std::string>& choices) {
  const std::string* value = Find(name);
  if (!value) return std::string(default_value);
  if (std::find(choices.begin(), choices.end(), *value) != choices.end()) return *value;
  Refuse(name, StrCat("not one of ", absl::StrJoin(choices, ", ")));
  return std::string(default_value);
}

void Environment::AddProblem(std::string problem) {
  if (std::find(problems_.begin(), problems_.end(), problem) != problems_.end()) return;
  problems_.push_back(std::move(problem));
}

absl::Status Environment::Check() const {
  std::vector<std::string> problems = problems_;
  for (const auto& [name, value] : variables_) {
    const bool ours =
        std::any_of(prefixes_.begin(), prefixes_.end(),
                    [&name = name](const auto& prefix) { return name.starts_with(prefix); });
    if (ours && !IsKnown(name)) {
      problems.push_back(StrCat(name, ": unknown variable", Suggestion(name)));
    }
  }
  if (problems.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(problems, "\n"));
}

const std::string* Environment::Find(std::string_view name) {
  known_.emplace(name);
  const std::string file_name = StrCat(name, kFileSuffix);
  const auto direct = variables_.find(name);
  const auto file = variables_.find(file_name);
  if (file == variables_.end()) return direct == variables_.end() ? nullptr : &direct->second;
  if (direct != variables_.end()) {
    AddProblem(StrCat(name, " and ", file_name, ": only one of them may be set"));
    return &direct->second;
  }
  if (const auto read = from_files_.find(name); read != from_files_.end()) return &read->second;

  const absl::StatusOr<std::string> content = ReadValueFile(file->second);
  if (!content.ok()) {
    const std::string path = secrets_.contains(name) ? "" : StrCat("=", file->second);
    AddProblem(StrCat(file_name, path, ": ", content.status().message()));
    return nullptr;
  }
  return &from_files_.emplace(name, *content).first->second;
}

void Environment::Refuse(std::string_view name, std::string_view why) {
  // What a file holds may be a secret that was put under the wrong name.
  const auto direct = variables_.find(name);
  if (direct != variables_.end() && !secrets_.contains(name)) {
    AddProblem(StrCat(name, "=", direct->second, ": ", why));
  } else if (from_files_.contains(name)) {
    AddProblem(StrCat(name, " (from ", name, kFileSuffix, "): ", why));
  } else {
    AddProblem(StrCat(name, ": ", why));
  }
}

bool Environment::IsKnown(std::string_view name) const {
  return known_.contains(name) ||
         (name.ends_with(kFileSuffix) &&
          known_.contains(name.substr(0, name.size() - kFileSuffix.size())));
}

std::string Environment::Suggestion(std::string_view name) const {
  const std::string_view suffix = name.ends_with(kFileSuffix) ? kFileSuffix : "";
  std::string nearest;
  std::size_t nearest_distance = std::numeric_limits<std::size_t>::max();
  for (const std::string& known : known_) {
    const std::string candidate = StrCat(known, suffix);
    const std::size_t distance = EditDistance(name, candidate);
    if (distance >= nearest_distance) continue;
    nearest = candidate;
    nearest_distance = distance;
  }
  return nearest.empty() ? "" : StrCat("; did you mean ", nearest, "?");
}

}  // namespace scaleout
