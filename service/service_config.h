// The settings that every service has: SERVICE_* and DB_*, read once, with defaults and limits.
//
// Plain values; nothing is opened here. Problems are noted in the Environment, which lists them
// all.
#ifndef SCALEOUT_SERVICE_SERVICE_CONFIG_H_
#define SCALEOUT_SERVICE_SERVICE_CONFIG_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/env.h"
#include "common/log.h"
#include "postgres/postgres_pool.h"

namespace scaleout {

struct ServiceConfig {
  std::string service;              // "user-service"
  std::string instance_id;          // unique over replicas
  std::vector<std::string> listen;  // "unix:/path" or "host:port"
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
  std::string metrics_listen;  // "host:port"; empty: no page
  bool seed_demo_data = false;
  PostgresPoolOptions database;
};

ServiceConfig LoadServiceConfig(Environment& env, std::string_view service);

// One line of --help.
struct VariableHelp {
  std::string_view name;
  std::string_view default_value;
  std::string_view text;
};

// The variables that LoadServiceConfig reads.
std::vector<VariableHelp> ServiceVariables();

// What --help prints: `purpose` is a sentence.
std::string RenderHelp(std::string_view program, std::string_view purpose,
                       const std::vector<VariableHelp>& variables);

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_SERVICE_CONFIG_H_
