// A row of `users` as this service's statements answer it.
//
// For the repositories alone: the columns of a SELECT or RETURNING, and the function that reads
// them. Thread-safe.
#ifndef SCALEOUT_SERVICES_USER_USER_ROW_H_
#define SCALEOUT_SERVICES_USER_USER_ROW_H_

#include <optional>
#include <string_view>

#include "common/principal.h"
#include "postgres/postgres_row.h"
#include "services/user/user_repository.h"

namespace scaleout::user {

#define USER_COLUMNS                                                   \
  "id, email, name, role, "                                            \
  "(date_part('epoch', created_at) * 1000000)::bigint AS created_us, " \
  "(date_part('epoch', updated_at) * 1000000)::bigint AS updated_us"

// For PostgresRow::Parsed.
inline std::optional<Role> ParseRole(std::string_view name) {
  const Role role = FindRole(name);
  if (role == Role::kNone) return std::nullopt;
  return role;
}

inline UserRecord ToUser(const PostgresRow& row) {
  UserRecord user;
  user.id = UserId(row.Int64("id"));
  user.email = row.Text("email");
  user.name = row.Text("name");
  user.role = row.Parsed("role", ParseRole);
  user.created_at = row.Time("created_us");
  user.updated_at = row.Time("updated_us");
  return user;
}

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_USER_ROW_H_
