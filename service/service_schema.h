// What a service's binary carries for its database, and what is done with it before the first call.
//
// The SQL is embedded at build time (services/embed_sql.cmake). Plain values; the function that is
// made here is for a PostgresPool, which calls it from its own thread.
#ifndef SCALEOUT_SERVICE_SERVICE_SCHEMA_H_
#define SCALEOUT_SERVICE_SERVICE_SCHEMA_H_

#include <string_view>
#include <vector>

#include "common/log.h"
#include "postgres/postgres_migrations.h"
#include "postgres/postgres_pool.h"
#include "service/service_config.h"

namespace scaleout {

struct ServiceSchema {
  std::vector<EmbeddedSql> migrations;
  std::string_view demo_data;
};

// On the pool's first connection: the connection budget, the migrations, and the demo data if it is
// asked for. `logger` must outlive the function.
PostgresPrepare MakePostgresPrepare(const ServiceConfig& config, const ServiceSchema& schema,
                                    Logger& logger);

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_SERVICE_SCHEMA_H_
