// The settings that every service has: SERVICE_*, DB_*, REDIS_*, EVENTS_*, LAB_* and FAULT,
// read once, with defaults and limits.
//
// Plain values; nothing is opened here. Problems are noted in the Environment, which lists them
// all.
#ifndef SCALEOUT_SERVICE_SERVICE_CONFIG_H_
#define SCALEOUT_SERVICE_SERVICE_CONFIG_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/env.h"
#include "common/fault_points.h"
#include "common/host_name.h"
#include "common/log.h"
#include "common/settings.h"
#include "postgres/postgres_pool.h"
#include "redis/redis_address.h"
#include "service/lab_delay.h"

namespace scaleout {

// Defaults are here; names, bounds and what --help says are in DeclareServiceSettings.
struct ServiceConfig {
  // "user-service"; not a setting.
  std::string service;
  // Unique over replicas.
  std::string instance_id = HostName();
  // "unix:/path" or "host:port".
  std::vector<std::string> listen = {"0.0.0.0:50051"};
  LogLevel log_level = LogLevel::kInfo;
  // After SIGTERM: how long new calls are still served, and then how long the running ones may
  // take.
  std::chrono::milliseconds drain_grace{2000};
  std::chrono::milliseconds drain_timeout{20000};
  // Calls at work at once, and calls that may wait for a thread; more are refused.
  int max_threads = 16;
  int max_queue = 1024;
  std::int64_t max_message_bytes = 1 << 20;
  std::chrono::milliseconds max_connection_age{30000};
  // Whether grpc.reflection describes the API.
  bool reflection = true;
  // "host:port"; empty: no page.
  std::string metrics_listen;
  bool seed_demo_data = false;
  PostgresPoolOptions database;
  // redis-state, for events; none: they wait in the database.
  std::optional<RedisServer> event_server;
  // Of one stream: entries that not every group of consumers has acknowledged.
  std::int64_t max_unacknowledged_events = 100'000;
  LabDelayOptions lab_delay;
  FaultConfig faults;
};

// Declares every setting of a service, and checks those that depend on each other.
void DeclareServiceSettings(Settings& settings, ServiceConfig& config);

// `fault_points`: those of the program (common/fault_points.h).
ServiceConfig LoadServiceConfig(Settings& settings, std::string_view service,
                                std::span<const FaultPoint> fault_points = {});

// What --help and --help=markdown print; `purpose` is a sentence, `verbs` are whole lines.
ProgramHelp MakeServiceHelp(std::string_view program, std::string_view purpose,
                            const std::vector<Setting>& settings, std::string_view verbs = {});

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_SERVICE_CONFIG_H_
