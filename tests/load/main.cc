// open-loop PORT PATH RATE SECONDS SEED: sends requests on a Poisson schedule, and prints what
// became of them as JSON. For the bench; tests/load/open_loop.h says how it counts.
#include <charconv>
#include <cstdio>
#include <string_view>

#include "tests/load/open_loop.h"

namespace scaleout::load {
namespace {

template <typename Number>
bool Parse(std::string_view text, Number least, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= least;
}

int Run(int argc, const char* const* argv) {
  OpenLoopOptions options;
  double seconds = 0;
  if (argc != 6 || !Parse(argv[1], 1, options.port) || !Parse(argv[3], 1.0, options.rate) ||
      !Parse(argv[4], 0.1, seconds) || !Parse(argv[5], std::uint64_t{0}, options.seed)) {
    std::fprintf(stderr, "usage: open-loop PORT PATH RATE SECONDS SEED\n");
    return 2;
  }
  options.path = argv[2];
  options.length = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  const absl::StatusOr<OpenLoopReport> report = RunOpenLoop(options, SystemClock());
  if (!report.ok()) {
    std::fprintf(stderr, "open-loop: %s\n", std::string(report.status().message()).c_str());
    return 1;
  }
  std::printf(
      "{\"requests\": %lld, \"failed\": %lld, \"waited\": %lld, \"connections\": %lld, "
      "\"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f, \"late_p99_ms\": %.4f}\n",
      static_cast<long long>(report->requests), static_cast<long long>(report->failed),
      static_cast<long long>(report->waited), static_cast<long long>(report->connections),
      OpenLoopReport::PercentileMs(report->latencies, 0.5),
      OpenLoopReport::PercentileMs(report->latencies, 0.99),
      OpenLoopReport::PercentileMs(report->latencies, 1),
      OpenLoopReport::PercentileMs(report->lateness, 0.99));
  return 0;
}

}  // namespace
}  // namespace scaleout::load

int main(int argc, char** argv) { return scaleout::load::Run(argc, argv); }
