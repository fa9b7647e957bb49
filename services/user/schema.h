// The user service's tables and demo data, embedded from migrations/ and demo_data.sql at build
// time.
#ifndef SCALEOUT_SERVICES_USER_SCHEMA_H_
#define SCALEOUT_SERVICES_USER_SCHEMA_H_

#include "service/service_schema.h"

namespace scaleout::user {

ServiceSchema Schema();

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_SCHEMA_H_
