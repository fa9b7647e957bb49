// What a connection to PostgreSQL is made with, and libpq's connection string ("host=db user=u
// dbname=d", or a postgresql:// URI), checked before it is used.
//
// A connection string is shown where settings are shown, so it must not hold a password. Messages
// from here never hold a part of it: libpq's own do, and what is not understood may be a secret.
// Pure functions.
#ifndef SCALEOUT_POSTGRES_POSTGRES_CONNINFO_H_
#define SCALEOUT_POSTGRES_POSTGRES_CONNINFO_H_

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace scaleout {

struct PostgresConnectOptions {
  std::string conninfo;  // libpq's, without the password
  std::string password;  // empty: none is sent
  std::string application_name;
  // No statement may run longer, whatever its call's deadline.
  std::chrono::milliseconds statement_timeout{3000};
  // Plans are lookups by index, whatever the statistics say: for tables that are empty at one
  // moment and large at the next, where a plan that was made for the first is kept for the second.
  bool index_plans = false;
};

// Keywords of libpq and their values, those that `conninfo` sets. INVALID_ARGUMENT if libpq does
// not understand it or if it sets a password (`password`, `sslpassword`).
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParseConninfo(
    const std::string& conninfo);

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_CONNINFO_H_
