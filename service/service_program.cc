#include "service/service_program.h"

#include <iostream>
#include <string>

#include "postgres/postgres_budget.h"

namespace scaleout {

std::optional<int> AnswerCommandLine(int argc, const char* const* argv, const ProgramHelp& help) {
  if (argc == 1) return std::nullopt;
  const std::string_view option = argv[1];
  if (argc == 2 && option == "--help") {
    std::cout << help.text;
    return 0;
  }
  if (argc == 2 && option == "--help=markdown") {
    std::cout << help.markdown;
    return 0;
  }
  if (argc == 2 && option == "--version") {
    std::cout << SCALEOUT_VERSION << '\n';
    return 0;
  }
  std::cerr << "unknown option " << option << "; try --help\n";
  return 1;
}

int ReportConfigProblems(std::string_view program, const absl::Status& problems) {
  std::cerr << program << ": the configuration is wrong:\n"
            << std::string(problems.message()) << "\ntry --help\n";
  return 1;
}

PostgresPrepare MakePostgresPrepare(const ServiceConfig& config, const ServiceSchema& schema,
                                    Logger& logger) {
  const std::string_view seed = config.seed_demo_data ? schema.demo_data : std::string_view();
  return [pool_max = config.database.max_connections, files = schema.migrations, seed,
          &logger](PostgresConnection& connection) -> absl::Status {
    const absl::StatusOr<std::vector<Migration>> migrations = ParseMigrations(files);
    if (!migrations.ok()) return migrations.status();
    if (absl::Status status = ReportPostgresBudget(connection, pool_max, logger); !status.ok()) {
      return status;
    }
    return ApplyMigrations(connection, *migrations, seed, logger);
  };
}

}  // namespace scaleout
