#include "service/principal.h"

#include "common/str_cat.h"
#include "scaleout/rpc/v1/principal.pb.h"

namespace scaleout {

Owner Owner::For(const Principal& principal) {
  return principal.IsAdmin() ? Anyone() : User(principal.user_id);
}

std::optional<std::string> Owner::parameter() const {
  if (!user_id_) return std::nullopt;
  return std::to_string(*user_id_);
}

absl::StatusOr<Principal> RequirePrincipal(const rpc::v1::Principal& message) {
  const Principal principal = FromProto(message);
  if (principal.role == Role::kNone) {
    return absl::UnauthenticatedError("the request has no principal");
  }
  return principal;
}

absl::Status CheckIsAdmin(const Principal& principal) {
  return principal.IsAdmin() ? absl::OkStatus()
                             : absl::PermissionDeniedError("only an admin may do this");
}

absl::Status CheckMayActFor(const Principal& principal, std::int64_t user_id) {
  if (Owner::For(principal).Covers(user_id)) return absl::OkStatus();
  return absl::NotFoundError(StrCat("there is no user ", user_id));
}

std::int64_t ListedUser(const Principal& principal, std::int64_t requested) {
  return requested == 0 && !principal.IsAdmin() ? principal.user_id : requested;
}

}  // namespace scaleout
