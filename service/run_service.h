// The main function of every service, from the command line to the exit code.
//
// RunService answers --help, --help=markdown, --version, --fault-points and the program's verbs
// (service_verbs.h), or reads the settings and lists every
// problem with them, makes the logger, the metrics, the host and the pool, and calls the program's
// `wire`. That function makes what is particular to the service, on its stack, from the
// repositories to the RPCs, and passes the RPCs to ServiceContext::Serve(), which returns when the
// process is to end. Exit codes: 0 after a drain or an answered option; 1 for an unknown option,
// wrong settings, an address that cannot be had, or a database that does not fit the program.
// Called once, by main, before there is a second thread.
#ifndef SCALEOUT_SERVICE_RUN_SERVICE_H_
#define SCALEOUT_SERVICE_RUN_SERVICE_H_

// So that a main can own the RPCs that it wires.
#include <grpcpp/impl/codegen/service_type.h>

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/env.h"
#include "common/fault_points.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/settings.h"
#include "common/stop_signals.h"
#include "postgres/postgres_pool.h"
#include "service/service_calls.h"
#include "service/service_config.h"
#include "service/service_host.h"
#include "service/service_schema.h"
#include "service/service_verbs.h"

namespace scaleout {

// One gRPC service, with its full name for the health service.
struct ServiceRpc {
  const char* name;
  grpc::Service& service;
};

// What a service is wired over; RunService owns all of it, and all of it outlives `wire`.
class ServiceContext {
 public:
  ServiceContext(const ServiceConfig& config, ServiceHost& host, StopSignals& signals,
                 PostgresPool& pool, Logger& logger, Metrics& metrics, const Clock& clock,
                 const FaultPoints& faults = FaultPoints::None())
      : config_(config),
        host_(host),
        signals_(signals),
        pool_(pool),
        logger_(logger),
        metrics_(metrics),
        clock_(clock),
        faults_(faults) {}

  const ServiceConfig& config() const { return config_; }
  PostgresPool& pool() const { return pool_; }
  ServiceCalls& calls() const { return host_.calls(); }
  ServiceCalls& AddCalls(int threads, std::size_t max_queued) const {
    return host_.AddCalls(threads, max_queued);
  }
  Logger& logger() const { return logger_; }
  Metrics& metrics() const { return metrics_; }
  const Clock& clock() const { return clock_; }
  const FaultPoints& faults() const { return faults_; }

  // Serves until a signal or a failure (service_host.h); the process's exit code. Once.
  int Serve(std::initializer_list<ServiceRpc> rpcs);

 private:
  const ServiceConfig& config_;
  ServiceHost& host_;
  StopSignals& signals_;
  PostgresPool& pool_;
  Logger& logger_;
  Metrics& metrics_;
  const Clock& clock_;
  const FaultPoints& faults_;
};

struct ServiceProgram {
  std::string name = {};     // "user-service"
  std::string purpose = {};  // what --help says after the name
  ServiceSchema schema = {};
  ServiceSettings settings = {};
  std::vector<ServiceVerb> verbs = {};
  std::function<int(ServiceContext&)> wire = {};  // the exit code, which Serve() returns
};

// The process's exit code.
int RunService(int argc, const char* const* argv, const ServiceProgram& program,
               EnvironmentMap variables = ProcessEnvironment());

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_RUN_SERVICE_H_
