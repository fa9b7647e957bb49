// What a service's program can do instead of serving: a verb on its command line.
//
//   user-service --create-admin --email=ada@example.com --name=Ada
//
// A verb reads secrets from standard input, never from the command line, which other users of the
// machine can see; it prints its result, and fails with one line on stderr. It runs in a process of
// its own, beside those that serve. Not thread-safe.
#ifndef SCALEOUT_SERVICE_SERVICE_VERBS_H_
#define SCALEOUT_SERVICE_SERVICE_VERBS_H_

#include <functional>
#include <istream>
#include <map>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/env.h"
#include "common/fault_points.h"
#include "common/settings.h"
#include "postgres/postgres_pool.h"
#include "service/service_schema.h"

namespace scaleout {

// Settings that a service has beside SERVICE_*, DB_*, REDIS_*, EVENTS_*, LAB_* and
// FAULT.
struct ServiceSettings {
  std::string prefix = {};  // of their names, such as "PROVIDER_"
  // Where FAULT may act (common/fault_points.h); of static storage.
  std::span<const FaultPoint> fault_points = {};
  // Declares them, into a struct that outlives RunService. Called for --help, where it loads
  // nothing, or before `wire` or a verb.
  std::function<void(Settings&)> declare = {};
};

// Which settings have to be right. With the database its schema is there too.
enum class VerbNeeds { kNothing, kOwnSettings, kDatabase };

using VerbValues = std::map<std::string, std::string, std::less<>>;

// What a verb works with; all of it outlives the run.
struct VerbCall {
  const VerbValues& values;  // of its options
  std::istream& in;
  std::ostream& out;
  PostgresPool* pool = nullptr;  // where it needs the database
};

struct ServiceVerb {
  std::string name = {};                  // "--create-admin"
  std::vector<std::string> options = {};  // "email" for --email=VALUE; every one has to be there
  std::string help = {};
  VerbNeeds needs = VerbNeeds::kNothing;
  // Its message is for the one who typed it, and has no secret.
  std::function<absl::Status(const VerbCall&)> run = {};
};

// How long a verb waits for the database.
inline constexpr std::chrono::seconds kVerbDatabaseLimit{20};

// What --help says of them: a line each, or more. Empty if there are none.
std::string DescribeVerbs(const std::vector<ServiceVerb>& verbs);

// The verb of that name; null if there is none.
const ServiceVerb* FindVerb(const std::vector<ServiceVerb>& verbs, std::string_view name);

// The values of `options`, which come after the verb. INVALID_ARGUMENT for one that the verb has
// not, one that is missing, empty, or there twice.
absl::StatusOr<VerbValues> ParseVerbOptions(const ServiceVerb& verb,
                                            const std::vector<std::string_view>& options);

// Reads the settings that it needs, connects if it needs that, and runs it.
absl::Status RunVerb(const ServiceVerb& verb, const std::vector<std::string_view>& options,
                     std::string_view program, const ServiceSettings& own_settings,
                     const ServiceSchema& schema, EnvironmentMap variables, std::istream& in,
                     std::ostream& out);

// The prefixes of every service's settings, and the service's own if it has one.
std::vector<std::string> SettingPrefixes(const ServiceSettings& own_settings);

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_SERVICE_VERBS_H_
