// Counters, gauges and histograms, and the registry that describes each once and renders them all
// (Prometheus text format 0.0.4; idea: seastar's metric groups).
//
// The instruments are lock-free and thread-safe; one update costs a few nanoseconds. The registry
// is thread-safe too, and hands out references that live as long as it does. The same (name,
// labels) asked for twice is the same instrument. Names follow OpenTelemetry in Prometheus form:
// base units (seconds, bytes), counters and only they end in _total. Label values come from closed
// sets: the registry keeps every series for ever. A malformed name, or one asked for as two things,
// crashes.
#ifndef SCALEOUT_COMMON_METRICS_H_
#define SCALEOUT_COMMON_METRICS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scaleout {

class Counter {
 public:
  void Increment(double by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  void Add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Histogram {
 public:
  // `bounds` are the buckets' inclusive upper limits, ascending; an infinite one is added.
  explicit Histogram(std::vector<double> bounds);

  // A NaN is ignored.
  void Observe(double value);
  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  double sum() const { return sum_.load(std::memory_order_relaxed); }
  // The q-quantile (0 to 1), interpolated in its bucket; 0 while empty; the last finite bound if it
  // lies beyond.
  double Quantile(double q) const;
  const std::vector<double>& bounds() const { return bounds_; }
  // Of bucket i alone, not cumulative; i may equal bounds().size() for the infinite one.
  std::uint64_t BucketCount(std::size_t i) const {
    return buckets_[i].load(std::memory_order_relaxed);
  }

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> buckets_;
  std::atomic<std::uint64_t> count_{0};
  std::atomic<double> sum_{0};
};

// 0.5 ms to 10 s, for requests and calls, in seconds.
std::vector<double> LatencyBounds();

// 1 ms to 10 min, for what waits as long as a server is away, in seconds.
std::vector<double> OutageBounds();

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

class Metrics {
 public:
  virtual ~Metrics() = default;

  virtual Counter& AddCounter(std::string_view name, std::string_view help,
                              MetricLabels labels = {}) = 0;
  virtual Gauge& AddGauge(std::string_view name, std::string_view help,
                          MetricLabels labels = {}) = 0;
  virtual Histogram& AddHistogram(std::string_view name, std::string_view help,
                                  std::vector<double> bounds, MetricLabels labels = {}) = 0;
  // Read when scraped, from the scraping thread. `read` must stay callable as long as the registry
  // lives; a series has one, so the same (name, labels) twice crashes.
  virtual void AddCallbackGauge(std::string_view name, std::string_view help, MetricLabels labels,
                                std::function<double()> read) = 0;
  virtual void AddCallbackCounter(std::string_view name, std::string_view help, MetricLabels labels,
                                  std::function<double()> read) = 0;

  virtual std::string RenderPrometheus() const = 0;
};

std::unique_ptr<Metrics> MakeMetrics();

// process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_threads,
// process_start_time_seconds.
void AddProcessMetrics(Metrics& metrics);

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_METRICS_H_
