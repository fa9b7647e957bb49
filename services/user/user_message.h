// A user, and a role, as the contract's messages have them. Pure.
#ifndef SCALEOUT_SERVICES_USER_USER_MESSAGE_H_
#define SCALEOUT_SERVICES_USER_USER_MESSAGE_H_

#include "common/principal.h"
#include "scaleout/rpc/v1/principal.pb.h"
#include "scaleout/user/v1/user.pb.h"
#include "service/wall_time.h"
#include "services/user/user_repository.h"

namespace scaleout::user {

inline rpc::v1::Role ToProto(Role role) {
  switch (role) {
    case Role::kNone:
      return rpc::v1::ROLE_UNSPECIFIED;
    case Role::kCustomer:
      return rpc::v1::ROLE_CUSTOMER;
    case Role::kAdmin:
      return rpc::v1::ROLE_ADMIN;
  }
  return rpc::v1::ROLE_UNSPECIFIED;
}

// kNone for a value that is no role.
inline Role FromProto(rpc::v1::Role role) {
  if (role == rpc::v1::ROLE_CUSTOMER) return Role::kCustomer;
  return role == rpc::v1::ROLE_ADMIN ? Role::kAdmin : Role::kNone;
}

inline void ToProto(const UserRecord& user, v1::User& message) {
  message.set_id(user.id.value());
  message.set_email(user.email);
  message.set_name(user.name);
  message.set_role(ToProto(user.role));
  scaleout::ToProto(user.created_at, *message.mutable_created_at());
  scaleout::ToProto(user.updated_at, *message.mutable_updated_at());
}

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_USER_MESSAGE_H_
