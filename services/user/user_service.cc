#include "services/user/user_service.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "common/checksum.h"
#include "proto/scaleout/user/v1/user_limits.h"
#include "service/batch_answer.h"
#include "service/batch_keys.h"
#include "service/field_checks.h"
#include "service/page_token.h"
#include "service/principal.h"
#include "services/user/user_message.h"

namespace scaleout::user {
namespace {

constexpr std::string_view kUsersScope = "users";

}  // namespace

absl::Status UserService::CreateUser(const CallContext& call, const v1::CreateUserRequest& request,
                                     v1::CreateUserResponse& response) {
  const absl::StatusOr<Principal> principal = RequirePrincipal(request.principal());
  if (!principal.ok()) return principal.status();
  const absl::Status allowed = CheckIsAdmin(*principal);
  if (!allowed.ok()) return allowed;
  FieldChecks checks;
  checks.Refuse("email", v1::FindEmailViolation(request.email()));
  checks.Refuse("name", v1::FindNameViolation(request.name()));
  checks.OptionalIdempotencyKey("idempotency_key", request.idempotency_key());
  if (!checks.ok()) return checks.Check();

  const IdempotencyKey key{*principal, kCreateUserRoute, request.idempotency_key(),
                           ChecksumText({request.email(), request.name()})};
  v1::CreateUserResponse answer;
  const absl::StatusOr<bool> replayed =
      writes_.Run(call, key, answer, [&](PostgresSession& session) -> absl::StatusOr<std::int64_t> {
        const absl::StatusOr<UserRecord> user =
            repository_.Create(session, {request.email(), request.name()});
        if (!user.ok()) return user.status();
        ToProto(*user, *answer.mutable_user());
        return user->id.value();
      });
  if (!replayed.ok()) return replayed.status();
  answer.set_replayed(*replayed);
  response = std::move(answer);
  return absl::OkStatus();
}

absl::Status UserService::GetUser(const CallContext& call, const v1::GetUserRequest& request,
                                  v1::GetUserResponse& response) {
  const absl::StatusOr<Principal> principal = RequirePrincipal(request.principal());
  if (!principal.ok()) return principal.status();
  FieldChecks checks;
  checks.Id("user_id", request.user_id());
  if (!checks.ok()) return checks.Check();
  const absl::Status allowed = CheckMayActFor(*principal, request.user_id());
  if (!allowed.ok()) return allowed;

  const absl::StatusOr<UserRecord> user = repository_.Get(call, UserId(request.user_id()));
  if (!user.ok()) return user.status();
  ToProto(*user, *response.mutable_user());
  return absl::OkStatus();
}

absl::Status UserService::BatchGetUsers(const CallContext& call,
                                        const v1::BatchGetUsersRequest& request,
                                        v1::BatchGetUsersResponse& response) {
  FieldChecks checks;
  const BatchKeys<UserId> keys(request.keys(), &v1::BatchGetUsersRequest::Key::user_id, "user_id",
                               checks, KeyedBy::kOwner);
  if (!checks.ok()) return checks.Check();

  absl::StatusOr<std::vector<UserRecord>> users = repository_.FindMany(call, keys.ids());
  if (!users.ok()) return users.status();
  const std::vector<UserRecord*> found = keys.FindEach(*users, &UserRecord::id);
  keys.Answer(response, [&](std::size_t slot, v1::BatchGetUsersResponse::Entry& entry) {
    if (found[slot] == nullptr) return BatchAnswer::Fail(entry, NoSuchUser(keys.ids()[slot]));
    ToProto(*found[slot], *entry.mutable_user());
  });
  return absl::OkStatus();
}

absl::Status UserService::ListUsers(const CallContext& call, const v1::ListUsersRequest& request,
                                    v1::ListUsersResponse& response) {
  FieldChecks checks;
  const Page page = ParsePage(kUsersScope, request.page_size(), request.page_token(), checks);
  if (!checks.ok()) return checks.Check();

  std::optional<UserId> before;
  if (page.after_id != 0) before = UserId(page.after_id);
  // One more than the page tells whether there is another.
  absl::StatusOr<std::vector<UserRecord>> users = repository_.List(call, before, page.size + 1);
  if (!users.ok()) return users.status();
  const auto size = std::min(users->size(), static_cast<std::size_t>(page.size));
  for (std::size_t i = 0; i < size; ++i) ToProto((*users)[i], *response.add_users());
  if (users->size() > size) {
    response.set_next_page_token(MakePageToken(kUsersScope, (*users)[size - 1].id.value()));
  }
  return absl::OkStatus();
}

absl::Status UserService::UpdateUser(const CallContext& call, const v1::UpdateUserRequest& request,
                                     v1::UpdateUserResponse& response) {
  const absl::StatusOr<Principal> principal = RequirePrincipal(request.principal());
  if (!principal.ok()) return principal.status();
  FieldChecks checks;
  checks.Id("user_id", request.user_id());
  UserChange change;
  if (request.has_email()) {
    checks.Refuse("email", v1::FindEmailViolation(request.email()));
    change.email = request.email();
  }
  if (request.has_name()) {
    checks.Refuse("name", v1::FindNameViolation(request.name()));
    change.name = request.name();
  }
  if (request.has_role()) {
    const Role role = FromProto(request.role());
    checks.Require(role != Role::kNone, "role", "must be a role");
    change.role = role;
  }
  if (!checks.ok()) return checks.Check();
  if (change.role && !principal->IsAdmin()) {
    return absl::PermissionDeniedError("only an admin may change a role");
  }
  const absl::Status allowed = CheckMayActFor(*principal, request.user_id());
  if (!allowed.ok()) return allowed;

  const absl::StatusOr<ChangedUser> changed =
      repository_.Update(call, UserId(request.user_id()), change);
  if (!changed.ok()) return changed.status();
  if (absl::Status status = revocations_.Publish(call, changed->ended); !status.ok()) return status;
  ToProto(changed->user, *response.mutable_user());
  return absl::OkStatus();
}

absl::Status UserService::DeleteUser(const CallContext& call, const v1::DeleteUserRequest& request,
                                     v1::DeleteUserResponse& /*response*/) {
  const absl::StatusOr<Principal> principal = RequirePrincipal(request.principal());
  if (!principal.ok()) return principal.status();
  FieldChecks checks;
  checks.Id("user_id", request.user_id());
  if (!checks.ok()) return checks.Check();
  const absl::Status allowed = CheckMayActFor(*principal, request.user_id());
  if (!allowed.ok()) return allowed;
  const absl::StatusOr<std::vector<SessionId>> ended =
      repository_.Delete(call, UserId(request.user_id()));
  if (!ended.ok()) return ended.status();
  return revocations_.Publish(call, *ended);
}

}  // namespace scaleout::user
