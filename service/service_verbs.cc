#include "service/service_verbs.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/str_cat.h"
#include "service/service_config.h"

namespace scaleout {
namespace {

// What a pool says of its server, for one who waits for it.
class Arrival {
 public:
  PostgresPoolEvents Events() {
    return {[this](bool reachable) {
              if (reachable) Set(absl::OkStatus());
            },
            [this](const absl::Status& status) { Set(status); }};
  }

  absl::Status Await(Duration limit) {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, limit, [this] { return outcome_.has_value(); })) {
      return absl::UnavailableError("the database does not answer");
    }
    return *outcome_;
  }

 private:
  void Set(const absl::Status& outcome) {
    {
      const std::lock_guard lock(mutex_);
      outcome_ = outcome;
    }
    arrived_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<absl::Status> outcome_;
};

absl::Status RunWithOwnSettings(const ServiceVerb& verb, const VerbCall& call,
                                const ServiceSettings& own_settings, EnvironmentMap variables) {
  std::vector<std::string> prefixes;
  if (!own_settings.prefix.empty()) prefixes.push_back(own_settings.prefix);
  Environment env(std::move(variables), std::move(prefixes));
  Settings settings(env);
  if (own_settings.declare) own_settings.declare(settings);
  if (absl::Status problems = env.Check(); !problems.ok()) return problems;
  return verb.run(call);
}

absl::Status RunWithDatabase(const ServiceVerb& verb, VerbCall call, std::string_view program,
                             const ServiceSettings& own_settings, const ServiceSchema& schema,
                             EnvironmentMap variables) {
  Environment env(std::move(variables), SettingPrefixes(own_settings));
  Settings settings(env);
  ServiceConfig config = LoadServiceConfig(settings, program, own_settings.fault_points);
  if (own_settings.declare) own_settings.declare(settings);
  if (absl::Status problems = env.Check(); !problems.ok()) return problems;
  config.database.max_connections = 1;
  config.database.connect.application_name = StrCat(program, " ", verb.name);

  const std::unique_ptr<Logger> logger = MakeNullLogger();
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  Arrival arrival;
  PostgresPool pool(config.database, MakePostgresPrepare(config, schema, *logger), arrival.Events(),
                    *logger, *metrics, SystemClock());
  if (absl::Status status = arrival.Await(kVerbDatabaseLimit); !status.ok()) return status;
  call.pool = &pool;
  return verb.run(call);
}

}  // namespace

std::string DescribeVerbs(const std::vector<ServiceVerb>& verbs) {
  std::string text;
  for (const ServiceVerb& verb : verbs) {
    StrAppend(&text, "  ", verb.name);
    for (const std::string& option : verb.options) StrAppend(&text, " --", option, "=...");
    StrAppend(&text, "\n      ", verb.help, "\n");
  }
  return text;
}

const ServiceVerb* FindVerb(const std::vector<ServiceVerb>& verbs, std::string_view name) {
  const auto found = std::ranges::find(verbs, name, &ServiceVerb::name);
  return found == verbs.end() ? nullptr : &*found;
}

absl::StatusOr<VerbValues> ParseVerbOptions(const ServiceVerb& verb,
                                            const std::vector<std::string_view>& options) {
  VerbValues values;
  for (const std::string_view option : options) {
    const std::size_t equals = option.find('=');
    const std::string_view name =
        option.starts_with("--") ? option.substr(2, equals - 2) : std::string_view();
    if (equals == std::string_view::npos ||
        std::ranges::count(verb.options, name,
                           [](const std::string& o) -> std::string_view { return o; }) == 0) {
      return absl::InvalidArgumentError(
          StrCat(verb.name, " has no option ", option.substr(0, equals), "; try --help"));
    }
    if (!values.emplace(name, option.substr(equals + 1)).second) {
      return absl::InvalidArgumentError(StrCat("--", name, " is there twice"));
    }
  }
  for (const std::string& name : verb.options) {
    if (values[name].empty()) {
      return absl::InvalidArgumentError(StrCat(verb.name, " needs --", name, "=..."));
    }
  }
  return values;
}

absl::Status RunVerb(const ServiceVerb& verb, const std::vector<std::string_view>& options,
                     std::string_view program, const ServiceSettings& own_settings,
                     const ServiceSchema& schema, EnvironmentMap variables, std::istream& in,
                     std::ostream& out) {
  const absl::StatusOr<VerbValues> values = ParseVerbOptions(verb, options);
  if (!values.ok()) return values.status();
  const VerbCall call{*values, in, out};
  switch (verb.needs) {
    case VerbNeeds::kNothing:
      return verb.run(call);
    case VerbNeeds::kOwnSettings:
      return RunWithOwnSettings(verb, call, own_settings, std::move(variables));
    case VerbNeeds::kDatabase:
      return RunWithDatabase(verb, call, program, own_settings, schema, std::move(variables));
  }
  return absl::InternalError("a verb needs what there is not");
}

std::vector<std::string> SettingPrefixes(const ServiceSettings& own_settings) {
  std::vector<std::string> prefixes = {"SERVICE_", "DB_", "REDIS_", "EVENTS_", "LAB_", "FAULT"};
  if (!own_settings.prefix.empty()) prefixes.push_back(own_settings.prefix);
  return prefixes;
}

}  // namespace scaleout
