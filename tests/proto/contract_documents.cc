#include "tests/proto/contract_documents.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

namespace scaleout::testing {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> ReadLines(const fs::path& path) {
  std::ifstream file(fs::path(REPOSITORY) / path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

using Values = std::map<std::string, std::string>;

// `{type: integer, minimum: 1}`, one level of it.
void AddFlowMapping(const std::string& path, const std::string& flow, Values& values) {
  static const std::regex member(R"((\w+): ([^,}]+))");
  for (std::sregex_iterator match(flow.begin(), flow.end(), member), end; match != end; ++match) {
    values.emplace(path + "." + (*match)[1].str(), (*match)[2].str());
  }
}

// Mappings by their indentation; an element of a sequence counts as a member "-" of what holds it.
Values ReadYaml(const fs::path& file) {
  static const std::regex member(R"(^( *)(- )?([^ :#'"][^:'"]*):(?: +(.*))?$)");
  Values values;
  std::vector<std::pair<std::size_t, std::string>> parents;
  for (const std::string& line : ReadLines(file)) {
    std::smatch match;
    if (!std::regex_match(line, match, member)) continue;
    std::size_t indent = match[1].str().size();
    while (!parents.empty() && parents.back().first >= indent) parents.pop_back();
    if (match[2].matched) {
      parents.emplace_back(indent, "-");
      indent += 2;
    }
    std::string path;
    for (const auto& [_, key] : parents) path += key + ".";
    path += match[3].str();
    const std::string value = match[4].str();
    if (value.starts_with("{")) AddFlowMapping(path, value, values);
    values.emplace(path, value);
    parents.emplace_back(indent, match[3].str());
  }
  return values;
}

std::string WithoutCommasInNumbers(const std::string& text) {
  return std::regex_replace(text, std::regex(R"((\d),(?=\d))"), "$1");
}

std::string JoinedByDots(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ".") + name;
  return joined;
}

}  // namespace

std::string OpenApiValue(std::string_view path) {
  static const Values values = ReadYaml("docs/openapi.yaml");
  const auto found = values.find(std::string(path));
  return found == values.end() ? "absent" : found->second;
}

std::string ProtoComment(std::string_view proto, std::string_view field) {
  static const std::regex comment_line(R"(^ *// ?(.*)$)");
  static const std::regex block(R"(^ *(?:message|enum|service|oneof) (\w+) \{$)");
  static const std::regex declaration(R"(^ *(?:optional |repeated )?[\w.]+ (\w+) = \d+;$)");
  std::vector<std::string> blocks;
  std::string comment;
  for (const std::string& line : ReadLines(fs::path("proto") / proto)) {
    std::smatch match;
    if (std::regex_match(line, match, comment_line)) {
      comment += (comment.empty() ? "" : " ") + match[1].str();
      continue;
    }
    if (std::regex_match(line, match, block)) {
      blocks.push_back(match[1].str());
    } else if (line.ends_with("}") && !blocks.empty() && !line.ends_with("{}")) {
      blocks.pop_back();
    } else if (std::regex_match(line, match, declaration) &&
               JoinedByDots(blocks) + "." + match[1].str() == field) {
      return WithoutCommasInNumbers(comment);
    }
    comment.clear();
  }
  return "absent";
}

std::string DocumentedLimit(std::string_view field) {
  const std::string start = "| " + std::string(field) + " | ";
  for (const std::string& line : ReadLines("docs/limits.md")) {
    if (line.starts_with(start)) return WithoutCommasInNumbers(line.substr(start.size()));
  }
  return "absent";
}

std::string Migrations(std::string_view service) {
  const fs::path directory = fs::path("services") / service / "migrations";
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(REPOSITORY) / directory)) {
    files.insert(directory / entry.path().filename());
  }
  std::string all;
  for (const fs::path& file : files) {
    for (const std::string& line : ReadLines(file)) all += line + "\n";
  }
  return all;
}

}  // namespace scaleout::testing
