#include "gateway/handlers/user_handlers.h"

#include <optional>
#include <string>
#include <utility>

#include "common/principal.h"
#include "common/str_cat.h"
#include "gateway/auth/auth_refusal.h"
#include "gateway/handlers/ask_backend.h"
#include "gateway/handlers/idempotency_key.h"
#include "gateway/handlers/json_response.h"
#include "gateway/json/field_path.h"
#include "gateway/json/json_reader.h"
#include "gateway/json/query_reader.h"
#include "gateway/json/resource_json.h"
#include "proto/scaleout/user/v1/user_limits.h"

namespace scaleout::gateway {
namespace {

// Of the routes of one user.
constexpr ClientName kUserNames[] = {{"user_id", "/id"}};

absl::StatusOr<user::v1::CreateUserRequest> ParseCreate(const Request& request) {
  QueryReader query(request);
  absl::StatusOr<std::string> key = FindIdempotencyKey(request);
  JsonBody body(request);
  user::v1::CreateUserRequest ask;
  ask.set_email(body.root().String("email", &user::v1::FindEmailViolation));
  ask.set_name(body.root().String("name", &user::v1::FindNameViolation));
  if (absl::Status status = CheckCreation(query, key.status(), body); !status.ok()) return status;
  ask.set_idempotency_key(*std::move(key));
  return ask;
}

rpc::v1::Violation FindRoleViolation(std::string_view value) {
  if (FindRole(value) != Role::kNone) return std::nullopt;
  return "must be customer or admin";
}

absl::StatusOr<user::v1::UpdateUserRequest> ParseUpdate(const RequestContext& context,
                                                        const Request& request) {
  user::v1::UpdateUserRequest ask;
  QueryReader query(request);
  ask.set_user_id(query.PathId("id"));
  JsonBody body(request);
  std::optional<std::string> email =
      body.root().OptionalString("email", &user::v1::FindEmailViolation);
  std::optional<std::string> name =
      body.root().OptionalString("name", &user::v1::FindNameViolation);
  const std::optional<std::string> role = body.root().OptionalString("role", &FindRoleViolation);
  if (role && !context.principal.IsAdmin()) return Forbidden();
  if (absl::Status status = body.Check(query.TakeViolations()); !status.ok()) return status;
  if (email) ask.set_email(*std::move(email));
  if (name) ask.set_name(*std::move(name));
  if (role) {
    ask.set_role(FindRole(*role) == Role::kAdmin ? rpc::v1::ROLE_ADMIN : rpc::v1::ROLE_CUSTOMER);
  }
  return ask;
}

}  // namespace

Task<absl::StatusOr<Response>> UserHandlers::List(RequestContext& context, const Request& request) {
  QueryReader query(request);
  user::v1::ListUsersRequest ask;
  ask.set_page_size(query.PageSize());
  ask.set_page_token(query.PageToken());
  if (absl::Status checked = query.Check(); !checked.ok()) return Refuse(checked);
  return AskBackend(
      users_.ListUsers(context, std::move(ask)), {}, [](const user::v1::ListUsersResponse& answer) {
        return PageResponse(answer.users(), answer.next_page_token(), &WriteUserProfile);
      });
}

Task<absl::StatusOr<Response>> UserHandlers::Create(RequestContext& context,
                                                    const Request& request) {
  absl::StatusOr<user::v1::CreateUserRequest> ask = ParseCreate(request);
  if (!ask.ok()) return Refuse(ask.status());
  return AskBackend(users_.CreateUser(context, *std::move(ask)), {},
                    [](const user::v1::CreateUserResponse& answer) {
                      return CreatedResponse(answer.user(), &WriteUser,
                                             StrCat("/api/users/", answer.user().id()),
                                             answer.replayed());
                    });
}

Task<absl::StatusOr<Response>> UserHandlers::Get(RequestContext& context, const Request& request) {
  QueryReader query(request);
  user::v1::GetUserRequest ask;
  ask.set_user_id(query.PathId("id"));
  if (absl::Status checked = query.Check(); !checked.ok()) return Refuse(checked);
  return AskBackend(users_.GetUser(context, std::move(ask)), kUserNames,
                    [](const user::v1::GetUserResponse& answer) {
                      return ItemResponse(answer.user(), &WriteUser);
                    });
}

Task<absl::StatusOr<Response>> UserHandlers::Update(RequestContext& context,
                                                    const Request& request) {
  absl::StatusOr<user::v1::UpdateUserRequest> ask = ParseUpdate(context, request);
  if (!ask.ok()) return Refuse(ask.status());
  return UpdateCharged(context, *std::move(ask));
}

Task<absl::StatusOr<Response>> UserHandlers::UpdateCharged(RequestContext& context,
                                                           user::v1::UpdateUserRequest ask) {
  if (ask.has_email()) {
    Task<absl::Status> charging = rates_.ChargeEmailChange(context);
    const absl::Status charged = co_await charging;
    if (!charged.ok()) co_return charged;
  }
  Task<absl::StatusOr<Response>> asking =
      AskBackend(users_.UpdateUser(context, std::move(ask)), kUserNames,
                 [](const user::v1::UpdateUserResponse& answer) {
                   return ItemResponse(answer.user(), &WriteUser);
                 });
  absl::StatusOr<Response> answer = co_await asking;
  co_return answer;
}

Task<absl::StatusOr<Response>> UserHandlers::Delete(RequestContext& context,
                                                    const Request& request) {
  QueryReader query(request);
  user::v1::DeleteUserRequest ask;
  ask.set_user_id(query.PathId("id"));
  if (absl::Status checked = query.Check(); !checked.ok()) return Refuse(checked);
  return AskBackend(users_.DeleteUser(context, std::move(ask)), kUserNames,
                    [](const user::v1::DeleteUserResponse&) { return NoContent(); });
}

}  // namespace scaleout::gateway
