#include "common/principal.h"

#include "scaleout/rpc/v1/principal.pb.h"

namespace scaleout {

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kNone:
      return "";
    case Role::kCustomer:
      return "customer";
    case Role::kAdmin:
      return "admin";
  }
  return "";
}

Role FindRole(std::string_view name) {
  for (const Role role : {Role::kCustomer, Role::kAdmin}) {
    if (name == RoleName(role)) return role;
  }
  return Role::kNone;
}

void ToProto(const Principal& principal, rpc::v1::Principal& message) {
  message.set_user_id(principal.user_id);
  message.set_role(static_cast<rpc::v1::Role>(principal.role));
  message.set_lab(principal.lab);
}

Principal FromProto(const rpc::v1::Principal& message) {
  const bool known =
      message.role() == rpc::v1::ROLE_CUSTOMER || message.role() == rpc::v1::ROLE_ADMIN;
  const bool lab = message.lab() && message.user_id() == 0 && message.role() == rpc::v1::ROLE_ADMIN;
  if (!known || (!lab && (message.lab() || message.user_id() <= 0))) return Principal{};
  return {message.user_id(), static_cast<Role>(message.role()), lab};
}

static_assert(static_cast<int>(Role::kCustomer) == rpc::v1::ROLE_CUSTOMER &&
              static_cast<int>(Role::kAdmin) == rpc::v1::ROLE_ADMIN);

}  // namespace scaleout
