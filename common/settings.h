// The settings of a program, each declared once: the variable's name, the field that it fills, what
// may be set, and a sentence of help.
//
//   void DeclareFooSettings(Settings& settings, FooConfig& config) {
//     settings.Group("Event loops");
//     settings.Int("FOO_LOOPS", config.loops, 1, 64, "event loops, a thread each");
//   }
//
// A field's value before its declaration is the default: the struct's member initializer says it,
// and nothing else does. Run with an Environment, the declarations load the struct. Run without
// one, they leave it as it is and only list themselves; --help and docs/configuration.md are made
// of that list. The Environment takes a name that no declaration asked for as unknown, and it alone
// collects the problems. Not thread-safe; made and used at start.
#ifndef SCALEOUT_COMMON_SETTINGS_H_
#define SCALEOUT_COMMON_SETTINGS_H_

#include <chrono>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/env.h"

namespace scaleout {

// A declaration, as text.
struct Setting {
  std::string group;
  std::string name;
  bool required = false;
  // As one would write it; empty: none.
  std::string default_value;
  // "1 to 64" or "on, off"; empty: any text.
  std::string allowed;
  std::string help;
};

class Settings {
 public:
  // Only lists.
  Settings();
  // Also loads from `env`, which has to outlive the settings.
  explicit Settings(Environment& env);
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  // The heading of the declarations that follow.
  void Group(std::string_view heading);

  // What a value has to look like and what happens to a bad one: see Environment. Bounds are
  // inclusive. Declaring a name twice ends the process, with --help too.
  void String(std::string_view name, std::string& field, std::string_view help);
  // As String, for a default that differs from host to host: the list has `shown` instead.
  void HostString(std::string_view name, std::string& field, std::string_view shown,
                  std::string_view help);
  // As String, but unset is a problem.
  void Required(std::string_view name, std::string& field, std::string_view help);
  // As String, for what must not be shown: a default is not listed.
  void Secret(std::string_view name, std::string& field, std::string_view help);
  // Comma separated. Neither trimmed nor checked: what an item may be is the caller's to say.
  void List(std::string_view name, std::vector<std::string>& field, std::string_view help);
  void Double(std::string_view name, double& field, double min, double max, std::string_view help);
  void Switch(std::string_view name, bool& field, std::string_view help);

  template <std::integral T>
  void Int(std::string_view name, T& field, std::int64_t min, std::int64_t max,
           std::string_view help) {
    field = static_cast<T>(AskInt(name, static_cast<std::int64_t>(field), min, max, help));
  }

  template <std::integral T>
  void Bytes(std::string_view name, T& field, std::int64_t min, std::int64_t max,
             std::string_view help) {
    field = static_cast<T>(AskBytes(name, static_cast<std::int64_t>(field), min, max, help));
  }

  // To the millisecond, whatever the field's unit.
  template <typename Rep, typename Period>
  void Milliseconds(std::string_view name, std::chrono::duration<Rep, Period>& field,
                    std::chrono::milliseconds min, std::chrono::milliseconds max,
                    std::string_view help) {
    using std::chrono::duration_cast;
    const auto value = duration_cast<std::chrono::milliseconds>(field);
    field = duration_cast<std::chrono::duration<Rep, Period>>(
        AskMilliseconds(name, value, min, max, help));
  }

  // `choices` is a range of pairs, each a name and its value; one of them is the field's.
  template <typename T, typename Choices>
  void OneOf(std::string_view name, T& field, const Choices& choices, std::string_view help) {
    std::vector<std::string> names;
    std::string chosen;
    for (const auto& [choice, value] : choices) {
      names.emplace_back(choice);
      if (value == field) chosen = choice;
    }
    chosen = AskOneOf(name, chosen, names, help);
    for (const auto& [choice, value] : choices) {
      if (choice == chosen) field = value;
    }
  }

  // For checks beyond bounds: notes that the value of `name` is refused, and why. The environment
  // shows the value where it may be shown; `why` must not.
  void Refuse(std::string_view name, std::string_view why);
  // The same for a check that spans settings: a sentence, without their values.
  void AddProblem(std::string problem);

  // Every declaration so far, in order.
  const std::vector<Setting>& list() const { return list_; }

 private:
  std::int64_t AskInt(std::string_view name, std::int64_t default_value, std::int64_t min,
                      std::int64_t max, std::string_view help);
  std::int64_t AskBytes(std::string_view name, std::int64_t default_value, std::int64_t min,
                        std::int64_t max, std::string_view help);
  std::chrono::milliseconds AskMilliseconds(std::string_view name,
                                            std::chrono::milliseconds default_value,
                                            std::chrono::milliseconds min,
                                            std::chrono::milliseconds max, std::string_view help);
  std::string AskOneOf(std::string_view name, std::string_view default_value,
                       const std::vector<std::string>& choices, std::string_view help);
  Setting& Declare(std::string_view name, std::string default_value, std::string allowed,
                   std::string_view help);

  Environment nothing_set_{{}, {}};  // what is asked when nothing is to be loaded
  Environment& env_;
  std::string group_;
  std::vector<Setting> list_;
};

// What the functions declare together, for a program's help.
template <typename... Config>
std::vector<Setting> ListSettings(void (*... declare)(Settings&, Config&)) {
  Settings settings;
  const auto list = [&settings]<typename C>(void (*declare_one)(Settings&, C&)) {
    C config;
    declare_one(settings, config);
  };
  (list(declare), ...);
  return settings.list();
}

// What a program says of itself.
struct ProgramHelp {
  std::string text;      // --help: at most 110 columns
  std::string markdown;  // --help=markdown: the settings alone, a heading and a table a group
};

// `usage` is what comes before the settings, whole lines.
ProgramHelp MakeProgramHelp(std::string_view usage, const std::vector<Setting>& settings);

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_SETTINGS_H_
