#include "common/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>
#include <sstream>
#include <variant>

#include "common/clock.h"
#include "common/process_stats.h"

namespace scaleout {
namespace {

using prometheus::MetricType;

// How old the process's figures may be, so that one scrape reads them once.
constexpr Duration kProcessStatsAge = std::chrono::milliseconds(100);

using Callback = std::function<double()>;
using Instrument =
    std::variant<std::monostate, Counter, Gauge, std::unique_ptr<Histogram>, Callback>;

struct Family {
  MetricType type;
  std::string help;
  // A map, so that an instrument stays where it is when others come.
  std::map<MetricLabels, Instrument> series;
};

[[noreturn]] void Crash(std::string_view name, std::string_view why) {
  std::fprintf(stderr, "metric %.*s: %.*s\n", static_cast<int>(name.size()), name.data(),
               static_cast<int>(why.size()), why.data());
  std::abort();
}

bool IsName(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void CheckNames(MetricType type, std::string_view name, const MetricLabels& labels) {
  if (!IsName(name)) Crash(name, "not a metric's name");
  if ((type == MetricType::Counter) != name.ends_with("_total")) {
    Crash(name, "counters, and only they, end in _total");
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!IsName(labels[i].first)) Crash(name, "not a label's name: " + labels[i].first);
    if (i > 0 && labels[i].first == labels[i - 1].first) Crash(name, "a label is given twice");
  }
}

prometheus::ClientMetric::Histogram ToPrometheus(const Histogram& histogram) {
  prometheus::ClientMetric::Histogram result;
  // The count is the sum of the buckets as read here, not count(): else a scrape in the middle of
  // an update would show an infinite bucket that differs from it.
  const std::size_t infinite = histogram.bounds().size();
  for (std::size_t i = 0; i <= infinite; ++i) {
    prometheus::ClientMetric::Bucket bucket;
    bucket.cumulative_count = result.sample_count += histogram.BucketCount(i);
    bucket.upper_bound =
        i == infinite ? std::numeric_limits<double>::infinity() : histogram.bounds()[i];
    result.bucket.push_back(bucket);
  }
  result.sample_sum = histogram.sum();
  return result;
}

prometheus::ClientMetric ToPrometheus(MetricType type, const MetricLabels& labels,
                                      const Instrument& instrument) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : labels) {
    prometheus::ClientMetric::Label label;
    label.name = name;
    label.value = value;
    metric.label.push_back(label);
  }
  double value = 0;
  if (const auto* histogram = std::get_if<std::unique_ptr<Histogram>>(&instrument)) {
    metric.histogram = ToPrometheus(**histogram);
  } else if (const auto* counter = std::get_if<Counter>(&instrument)) {
    value = counter->value();
  } else if (const auto* gauge = std::get_if<Gauge>(&instrument)) {
    value = gauge->value();
  } else if (const auto* read = std::get_if<Callback>(&instrument)) {
    value = (*read)();
  }
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return metric;
}

class PrometheusMetrics final : public Metrics {
 public:
  Counter& AddCounter(std::string_view name, std::string_view help, MetricLabels labels) override {
    const std::lock_guard lock(mutex_);
    Instrument& instrument = Find(MetricType::Counter, name, help, std::move(labels));
    if (IsNew(instrument)) instrument.emplace<Counter>();
    return As<Counter>(name, instrument);
  }

  Gauge& AddGauge(std::string_view name, std::string_view help, MetricLabels labels) override {
    const std::lock_guard lock(mutex_);
    Instrument& instrument = Find(MetricType::Gauge, name, help, std::move(labels));
    if (IsNew(instrument)) instrument.emplace<Gauge>();
    return As<Gauge>(name, instrument);
  }

  Histogram& AddHistogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                          MetricLabels labels) override {
    const std::lock_guard lock(mutex_);
    Instrument& instrument = Find(MetricType::Histogram, name, help, std::move(labels));
    if (IsNew(instrument)) instrument = std::make_unique<Histogram>(bounds);
    Histogram& histogram = *As<std::unique_ptr<Histogram>>(name, instrument);
    if (histogram.bounds() != bounds) Crash(name, "has other bounds already");
    return histogram;
  }

  void AddCallbackGauge(std::string_view name, std::string_view help, MetricLabels labels,
                        Callback read) override {
    AddCallback(MetricType::Gauge, name, help, std::move(labels), std::move(read));
  }

  void AddCallbackCounter(std::string_view name, std::string_view help, MetricLabels labels,
                          Callback read) override {
    AddCallback(MetricType::Counter, name, help, std::move(labels), std::move(read));
  }

  std::string RenderPrometheus() const override {
    std::vector<prometheus::MetricFamily> families;
    for (const auto& [name, family, series] : Snapshot()) {
      prometheus::MetricFamily& described = families.emplace_back();
      described.name = *name;
      described.help = family->help;
      described.type = family->type;
      for (const auto* entry : series) {
        described.metric.push_back(ToPrometheus(family->type, entry->first, entry->second));
      }
    }
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families);
    return out.str();
  }

 private:
  using SeriesEntry = std::map<MetricLabels, Instrument>::value_type;

  struct FamilySnapshot {
    const std::string* name;
    const Family* family;
    std::vector<const SeriesEntry*> series;
  };

  static bool IsNew(const Instrument& instrument) {
    return std::holds_alternative<std::monostate>(instrument);
  }

  template <typename T>
  static T& As(std::string_view name, Instrument& instrument) {
    T* found = std::get_if<T>(&instrument);
    if (found == nullptr) Crash(name, "is read through a callback already");
    return *found;
  }

  void AddCallback(MetricType type, std::string_view name, std::string_view help,
                   MetricLabels labels, Callback read) {
    const std::lock_guard lock(mutex_);
    Instrument& instrument = Find(type, name, help, std::move(labels));
    if (!IsNew(instrument)) Crash(name, "these labels have an instrument already");
    instrument = std::move(read);
  }

  // New if it was not there.
  Instrument& Find(MetricType type, std::string_view name, std::string_view help,
                   MetricLabels labels) {
    std::sort(labels.begin(), labels.end());
    CheckNames(type, name, labels);
    auto found = families_.find(name);
    if (found == families_.end()) {
      found = families_.emplace(std::string(name), Family{type, std::string(help), {}}).first;
    }
    if (found->second.type != type) Crash(name, "is of another type already");
    return found->second.series[std::move(labels)];
  }

  // Callbacks run without the lock: they may take locks of their own.
  std::vector<FamilySnapshot> Snapshot() const {
    const std::lock_guard lock(mutex_);
    std::vector<FamilySnapshot> snapshot;
    for (const auto& [name, family] : families_) {
      FamilySnapshot& entry = snapshot.emplace_back();
      entry.name = &name;
      entry.family = &family;
      for (const SeriesEntry& series : family.series) entry.series.push_back(&series);
    }
    return snapshot;
  }

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
};

// Reads the process's figures once a scrape, whichever of them is asked for first.
class ProcessFigures {
 public:
  ProcessStats Read() {
    const std::lock_guard lock(mutex_);
    const MonotonicTime now = SystemClock().Now();
    if (now - read_at_ > kProcessStatsAge) {
      stats_ = ReadProcessStats();
      read_at_ = now;
    }
    return stats_;
  }

 private:
  std::mutex mutex_;
  MonotonicTime read_at_;
  ProcessStats stats_;
};

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)),
      buckets_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {}

void Histogram::Observe(double value) {
  // One NaN would make the sum a NaN for ever.
  if (std::isnan(value)) return;
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  buckets_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  count_.fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

double Histogram::Quantile(double q) const {
  std::vector<std::uint64_t> counts;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= bounds_.size(); ++i) total += counts.emplace_back(BucketCount(i));
  if (total == 0 || bounds_.empty()) return 0;
  const double rank = std::clamp(q, 0.0, 1.0) * static_cast<double>(total);
  double below = 0;
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here > 0 && below + here >= rank) {
      const double lower = i == 0 ? std::min(0.0, bounds_[0]) : bounds_[i - 1];
      return lower + (bounds_[i] - lower) * (rank - below) / here;
    }
    below += here;
  }
  return bounds_.back();
}

std::vector<double> LatencyBounds() {
  return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

std::vector<double> OutageBounds() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600};
}

std::unique_ptr<Metrics> MakeMetrics() { return std::make_unique<PrometheusMetrics>(); }

void AddProcessMetrics(Metrics& metrics) {
  const auto figures = std::make_shared<ProcessFigures>();
  metrics.AddCallbackCounter("process_cpu_seconds_total", "User and system CPU time spent", {},
                             [figures] { return figures->Read().cpu_seconds; });
  metrics.AddCallbackGauge("process_resident_memory_bytes", "Resident memory", {}, [figures] {
    return static_cast<double>(figures->Read().resident_bytes);
  });
  metrics.AddCallbackGauge("process_open_fds", "Open file descriptors", {},
                           [figures] { return static_cast<double>(figures->Read().open_fds); });
  metrics.AddCallbackGauge("process_threads", "Threads", {},
                           [figures] { return static_cast<double>(figures->Read().threads); });
  metrics.AddCallbackGauge("process_start_time_seconds", "Start time since the Unix epoch", {},
                           [figures] { return figures->Read().start_time_seconds; });
}

}  // namespace scaleout
