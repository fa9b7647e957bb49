// The few steps that open every service's main: answering --help and --version, and saying what is
// wrong with the configuration; and what a service does with its database before it serves.
#ifndef SCALEOUT_SERVICE_SERVICE_PROGRAM_H_
#define SCALEOUT_SERVICE_SERVICE_PROGRAM_H_

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/log.h"
#include "postgres/postgres_migrations.h"
#include "postgres/postgres_pool.h"
#include "service/service_config.h"

namespace scaleout {

// The exit code if the command line asks for something other than serving: --help, --help=markdown
// and --version answer on stdout with 0, anything unknown on stderr with 1.
std::optional<int> AnswerCommandLine(int argc, const char* const* argv, const ProgramHelp& help);

// Lists every problem on stderr; the exit code.
int ReportConfigProblems(std::string_view program, const absl::Status& problems);

// What a service's binary carries for its database.
struct ServiceSchema {
  std::vector<EmbeddedSql> migrations;
  std::string_view demo_data;
};

// On the pool's first connection: the connection budget, the migrations, and the demo data if it is
// asked for.
PostgresPrepare MakePostgresPrepare(const ServiceConfig& config, const ServiceSchema& schema,
                                    Logger& logger);

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_SERVICE_PROGRAM_H_
