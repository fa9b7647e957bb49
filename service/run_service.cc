#include "service/run_service.h"

#include <iostream>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "common/env.h"
#include "common/grpc_log.h"

namespace scaleout {
namespace {

ProgramHelp Help(const ServiceProgram& program) {
  ServiceConfig defaults;
  Settings settings;
  DeclareServiceSettings(settings, defaults);
  if (program.settings.declare) program.settings.declare(settings);
  return MakeServiceHelp(program.name, program.purpose, settings.list(),
                         DescribeVerbs(program.verbs));
}

int AnswerOptions(int argc, const char* const* argv, const ServiceProgram& program,
                  EnvironmentMap variables) {
  const std::string_view option = argv[1];
  if (argc == 2 && option == "--help") {
    std::cout << Help(program).text;
    return 0;
  }
  if (argc == 2 && option == "--help=markdown") {
    std::cout << Help(program).markdown;
    return 0;
  }
  if (argc == 2 && option == "--version") {
    std::cout << SCALEOUT_VERSION << '\n';
    return 0;
  }
  if (argc == 2 && option == "--fault-points") {
    std::cout << DescribeFaultPoints(program.settings.fault_points);
    return 0;
  }
  if (const ServiceVerb* const verb = FindVerb(program.verbs, option)) {
    const absl::Status status =
        RunVerb(*verb, {argv + 2, argv + argc}, program.name, program.settings, program.schema,
                std::move(variables), std::cin, std::cout);
    std::cout.flush();
    if (status.ok()) return 0;
    std::cerr << program.name << " " << verb->name << ": " << std::string(status.message()) << '\n';
    return 1;
  }
  std::cerr << "unknown option " << option << "; try --help\n";
  return 1;
}

int ReportConfigProblems(std::string_view program, const absl::Status& problems) {
  std::cerr << program << ": the configuration is wrong:\n"
            << std::string(problems.message()) << "\ntry --help\n";
  return 1;
}

}  // namespace

int ServiceContext::Serve(std::initializer_list<ServiceRpc> rpcs) {
  for (const ServiceRpc& rpc : rpcs) host_.Add(rpc.name, rpc.service);
  return host_.Run(signals_);
}

int RunService(int argc, const char* const* argv, const ServiceProgram& program,
               EnvironmentMap variables) {
  // Debian's Abseil looks for deadlocks on every lock, which costs throughput.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // The C library's resolver would wait 10 s for a name server that does not answer.
  SetProcessDefault("RES_OPTIONS", "timeout:1 attempts:2");
  if (argc > 1) return AnswerOptions(argc, argv, program, std::move(variables));

  // Before the first thread, the logger's: every thread has to inherit the mask.
  StopSignals signals;
  Environment env(std::move(variables), SettingPrefixes(program.settings));
  Settings settings(env);
  const ServiceConfig config =
      LoadServiceConfig(settings, program.name, program.settings.fault_points);
  if (program.settings.declare) program.settings.declare(settings);
  if (absl::Status problems = env.Check(); !problems.ok()) {
    return ReportConfigProblems(program.name, problems);
  }

  const Clock& clock = SystemClock();
  const std::unique_ptr<Logger> logger =
      MakeJsonLogger({program.name, config.instance_id, config.log_level});
  const GrpcLog grpc_log(*logger);
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  AddProcessMetrics(*metrics);
  AddLogMetrics(*metrics, *logger);
  const FaultPoints faults(config.faults, *logger);
  ServiceHost host(config, *logger, *metrics, clock);
  PostgresPool pool(config.database, MakePostgresPrepare(config, program.schema, *logger),
                    {[&host](bool reachable) { host.SetServing(reachable); },
                     [&host](const absl::Status& status) { host.Fail(status); }},
                    *logger, *metrics, clock);
  ServiceContext context(config, host, signals, pool, *logger, *metrics, clock, faults);
  return program.wire(context);
}

}  // namespace scaleout
