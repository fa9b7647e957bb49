#include "common/settings.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/str_cat.h"

namespace scaleout {
namespace {

constexpr std::size_t kHelpColumns = 110;

constexpr std::string_view kHowToSet =
    "Settings are environment variables. A variable that is set but empty counts as unset. Each "
    "NAME\n"
    "may instead be given as NAME_FILE, the path of a file that holds the value. Durations are "
    "written\n"
    "as 250ms, 3s, 2m or 1h, sizes as 65536, 64KiB or 1MiB, switches as on or off.\n";

template <typename T>
std::string Range(const T& min, const T& max) {
  return StrCat(min, " to ", max);
}

std::string ShownDefault(const Setting& setting) {
  if (setting.required) return "required";
  return setting.default_value.empty() ? "none" : setting.default_value;
}

// The sentence and what is allowed, from column `indent` on, which is where the first line already
// is. "(1 to 64)" stays together.
std::string WrapHelp(const Setting& setting, std::size_t indent) {
  std::vector<std::string> words = absl::StrSplit(setting.help, ' ');
  if (!setting.allowed.empty()) words.push_back(StrCat("(", setting.allowed, ")"));
  std::string out;
  std::size_t column = indent;
  for (const std::string& word : words) {
    if (column > indent && column + 1 + word.size() > kHelpColumns) {
      StrAppend(&out, "\n", std::string(indent, ' '));
      column = indent;
    } else if (column > indent) {
      StrAppend(&out, " ");
      ++column;
    }
    StrAppend(&out, word);
    column += word.size();
  }
  return out;
}

std::string RenderText(std::string_view usage, const std::vector<Setting>& settings) {
  std::size_t name_width = 0;
  std::size_t default_width = 0;
  for (const Setting& setting : settings) {
    name_width = std::max(name_width, setting.name.size());
    default_width = std::max(default_width, ShownDefault(setting).size());
  }
  const auto pad = [](const std::string& text, std::size_t width) {
    return text + std::string(width - text.size() + 2, ' ');
  };
  std::string out = StrCat(usage, "\n", kHowToSet);
  std::string group;
  for (const Setting& setting : settings) {
    if (setting.group != group) StrAppend(&out, "\n", setting.group, "\n");
    group = setting.group;
    StrAppend(&out, "  ", pad(setting.name, name_width), pad(ShownDefault(setting), default_width),
              WrapHelp(setting, 2 + name_width + 2 + default_width + 2), "\n");
  }
  return out;
}

std::string RenderMarkdown(const std::vector<Setting>& settings) {
  std::string out;
  std::string group;
  for (const Setting& setting : settings) {
    if (setting.group != group) {
      StrAppend(&out, out.empty() ? "" : "\n", "### ", setting.group, "\n\n",
                "| variable | default | values | meaning |\n| --- | --- | --- | --- |\n");
    }
    group = setting.group;
    StrAppend(&out, "| `", setting.name, "` | ", ShownDefault(setting), " | ", setting.allowed,
              " | ", setting.help, " |\n");
  }
  return out;
}

}  // namespace

Settings::Settings() : env_(nothing_set_) {}

Settings::Settings(Environment& env) : env_(env) {}

void Settings::Group(std::string_view heading) { group_ = heading; }

void Settings::String(std::string_view name, std::string& field, std::string_view help) {
  Declare(name, field, "", help);
  field = env_.String(name, field);
}

void Settings::HostString(std::string_view name, std::string& field, std::string_view shown,
                          std::string_view help) {
  Declare(name, std::string(shown), "", help);
  field = env_.String(name, field);
}

void Settings::Required(std::string_view name, std::string& field, std::string_view help) {
  Declare(name, "", "", help).required = true;
  field = env_.Required(name);
}

void Settings::Secret(std::string_view name, std::string& field, std::string_view help) {
  Declare(name, "", StrCat("better as ", name, "_FILE"), help);
  field = env_.Secret(name, field);
}

void Settings::List(std::string_view name, std::vector<std::string>& field, std::string_view help) {
  const std::string default_value = absl::StrJoin(field, ",");
  Declare(name, default_value, "", help);
  const std::string text = env_.String(name, default_value);
  field.clear();
  if (!text.empty()) field = absl::StrSplit(text, ',');
}

void Settings::Double(std::string_view name, double& field, double min, double max,
                      std::string_view help) {
  Declare(name, StrCat(field), Range(min, max), help);
  field = env_.Double(name, field, min, max);
}

void Settings::Switch(std::string_view name, bool& field, std::string_view help) {
  Declare(name, field ? "on" : "off", "on, off", help);
  field = env_.Switch(name, field);
}

void Settings::Refuse(std::string_view name, std::string_view why) { env_.Refuse(name, why); }

void Settings::AddProblem(std::string problem) { env_.AddProblem(std::move(problem)); }

std::int64_t Settings::AskInt(std::string_view name, std::int64_t default_value, std::int64_t min,
                              std::int64_t max, std::string_view help) {
  Declare(name, StrCat(default_value), Range(min, max), help);
  return env_.Int(name, default_value, min, max);
}

std::int64_t Settings::AskBytes(std::string_view name, std::int64_t default_value, std::int64_t min,
                                std::int64_t max, std::string_view help) {
  Declare(name, RenderBytes(default_value), Range(RenderBytes(min), RenderBytes(max)), help);
  return env_.Bytes(name, default_value, min, max);
}

std::chrono::milliseconds Settings::AskMilliseconds(std::string_view name,
                                                    std::chrono::milliseconds default_value,
                                                    std::chrono::milliseconds min,
                                                    std::chrono::milliseconds max,
                                                    std::string_view help) {
  Declare(name, RenderMilliseconds(default_value),
          Range(RenderMilliseconds(min), RenderMilliseconds(max)), help);
  return env_.Milliseconds(name, default_value, min, max);
}

std::string Settings::AskOneOf(std::string_view name, std::string_view default_value,
                               const std::vector<std::string>& choices, std::string_view help) {
  Declare(name, std::string(default_value), absl::StrJoin(choices, ", "), help);
  return env_.OneOf(name, default_value, choices);
}

Setting& Settings::Declare(std::string_view name, std::string default_value, std::string allowed,
                           std::string_view help) {
  const bool again =
      std::ranges::any_of(list_, [name](const Setting& other) { return other.name == name; });
  if (again) {
    std::fprintf(stderr, "setting %.*s: declared twice\n", static_cast<int>(name.size()),
                 name.data());
    std::abort();
  }
  Setting setting;
  setting.group = group_;
  setting.name = name;
  setting.default_value = std::move(default_value);
  setting.allowed = std::move(allowed);
  setting.help = help;
  return list_.emplace_back(std::move(setting));
}

ProgramHelp MakeProgramHelp(std::string_view usage, const std::vector<Setting>& settings) {
  return {RenderText(usage, settings), RenderMarkdown(settings)};
}

}  // namespace scaleout
