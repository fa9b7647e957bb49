// The order service's tables and demo data, embedded from migrations/ and demo_data.sql at build
// time.
#ifndef SCALEOUT_SERVICES_ORDER_SCHEMA_H_
#define SCALEOUT_SERVICES_ORDER_SCHEMA_H_

#include "service/service_schema.h"

namespace scaleout::order {

ServiceSchema Schema();

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_SCHEMA_H_
