// The user service's schema: the migrations and the demo data, as text.
//
// migrations/*.sql and demo_data.sql are embedded into the binary at build time
// (services/embed_sql.cmake), so that it needs no files at run time. A migration that has been
// released is never edited. Thread-safe.
#ifndef SCALEOUT_SERVICES_USER_SCHEMA_H_
#define SCALEOUT_SERVICES_USER_SCHEMA_H_

#include "service/service_schema.h"

namespace scaleout::user {

ServiceSchema Schema();

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_SCHEMA_H_
