// Configuration from the environment, typed and checked, every problem at once.
//
// A program reads all its variables through one Environment into one struct and then asks Check():
// a status that lists each bad value and each unknown variable under the program's prefixes, with
// the nearest known name. A variable that is set but empty counts as unset. Every variable NAME may
// instead be given as NAME_FILE, a path whose content (without its last newline) is the value; both
// at once is a problem, and so is an empty file. Not thread-safe; made and used at start.
//
// Programs do not read name by name; their declarations (common/settings.h) do it for them.
//
//   Environment env(ProcessEnvironment(), {"GATEWAY_"});
//   Settings settings(env);
//   DeclareGatewaySettings(settings, config);
//   if (absl::Status status = env.Check(); !status.ok()) ...
#ifndef SCALEOUT_COMMON_ENV_H_
#define SCALEOUT_COMMON_ENV_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace scaleout {

using EnvironmentMap = std::map<std::string, std::string, std::less<>>;

// A copy of this process's environment: the one place that reads it.
EnvironmentMap ProcessEnvironment();

// Sets a variable of this process that is not set yet. For libraries that read theirs from there;
// first thing in main, while there is one thread.
void SetProcessDefault(const char* name, const char* value);

// A value as one would set it, in the largest unit that it is a whole number of: "90s", "64KiB".
std::string RenderMilliseconds(std::chrono::milliseconds value);
std::string RenderBytes(std::int64_t value);

class Environment {
 public:
  // `prefixes` are the program's own: a variable that starts with one of them and is never asked
  // for is a problem.
  Environment(EnvironmentMap variables, std::vector<std::string> prefixes);

  // Each takes the variable's name and a default; a value that does not parse, or is out of
  // [min, max] (inclusive), is noted as a problem and the default is returned.
  std::string String(std::string_view name, std::string_view default_value);
  // As String, but unset is a problem.
  std::string Required(std::string_view name);
  std::int64_t Int(std::string_view name, std::int64_t default_value, std::int64_t min,
                   std::int64_t max);
  double Double(std::string_view name, double default_value, double min, double max);
  // "on" or "off" (also true/false, 1/0).
  bool Switch(std::string_view name, bool default_value);
  // A number with a unit: "250ms", "3s", "2m", "1h".
  std::chrono::milliseconds Milliseconds(std::string_view name,
                                         std::chrono::milliseconds default_value,
                                         std::chrono::milliseconds min,
                                         std::chrono::milliseconds max);
  // A number of bytes with an optional unit: "65536", "64KiB", "1MiB".
  std::int64_t Bytes(std::string_view name, std::int64_t default_value, std::int64_t min,
                     std::int64_t max);
  // One of `choices`.
  std::string OneOf(std::string_view name, std::string_view default_value,
                    const std::vector<std::string>& choices);

  // As String, for what must not be shown: no problem names the value, nor what NAME_FILE is set
  // to, which may be the value by mistake.
  std::string Secret(std::string_view name, std::string_view default_value);

  // For checks beyond those above: notes that the value of `name` is refused, and why. Shows the
  // value unless it came from a file or is a secret, so the caller must not.
  void Refuse(std::string_view name, std::string_view why);
  // The same for a check that spans variables: a sentence, without their values.
  void AddProblem(std::string problem);

  // OK, or INVALID_ARGUMENT whose message has one problem a line.
  absl::Status Check() const;

 private:
  // The value of `name`, direct or from its file; null if unset.
  const std::string* Find(std::string_view name);
  bool IsKnown(std::string_view name) const;
  std::string Suggestion(std::string_view name) const;

  EnvironmentMap variables_;
  std::vector<std::string> prefixes_;
  std::set<std::string, std::less<>> known_;
  std::set<std::string, std::less<>> secrets_;
  std::map<std::string, std::string, std::less<>> from_files_;
  std::vector<std::string> problems_;
};

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_ENV_H_
