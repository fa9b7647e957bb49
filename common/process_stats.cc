#include "common/process_stats.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace scaleout {
namespace {

std::string ReadFirstLine(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Fields 3 and on of /proc/self/stat (proc(5)). The second, the program's name, may hold blanks and
// parentheses, so counting starts behind its last one.
std::vector<std::string> StatFields() {
  const std::string line = ReadFirstLine("/proc/self/stat");
  const std::size_t name_end = line.rfind(')');
  std::vector<std::string> fields;
  if (name_end == std::string::npos) return fields;
  std::istringstream rest(line.substr(name_end + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

// `number` counts as proc(5) does, from 1.
double StatField(const std::vector<std::string>& fields, std::size_t number) {
  const std::size_t index = number - 3;
  return index < fields.size() ? std::strtod(fields[index].c_str(), nullptr) : 0;
}

double BootTimeSeconds() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::strtod(line.c_str() + 6, nullptr);
  }
  return 0;
}

std::int64_t CountOpenFds() {
  struct stat status = {};
  if (stat("/proc/self/fd", &status) == 0 && status.st_size > 0) return status.st_size;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/fd"), closedir);
  if (!directory) return 0;
  std::int64_t count = 0;
  while (const dirent* entry = readdir(directory.get())) {
    if (std::string_view(entry->d_name).front() != '.') ++count;
  }
  return count - 1;  // the listing itself holds one open
}

}  // namespace

ProcessStats ReadProcessStats() {
  const std::vector<std::string> fields = StatFields();
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  ProcessStats stats;
  stats.cpu_seconds = (StatField(fields, 14) + StatField(fields, 15)) / ticks_per_second;
  stats.threads = static_cast<std::int64_t>(StatField(fields, 20));
  stats.resident_bytes = static_cast<std::int64_t>(StatField(fields, 24)) * sysconf(_SC_PAGESIZE);
  stats.open_fds = CountOpenFds();
  if (const double boot = BootTimeSeconds(); boot > 0 && !fields.empty()) {
    stats.start_time_seconds = boot + StatField(fields, 22) / ticks_per_second;
  }
  return stats;
}

}  // namespace scaleout
