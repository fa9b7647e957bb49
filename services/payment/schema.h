// The payment service's tables and demo data, embedded from migrations/ and demo_data.sql at build
// time.
#ifndef SCALEOUT_SERVICES_PAYMENT_SCHEMA_H_
#define SCALEOUT_SERVICES_PAYMENT_SCHEMA_H_

#include "service/service_schema.h"

namespace scaleout::payment {

ServiceSchema Schema();

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_SCHEMA_H_
