#include "gateway/handlers/user_handlers.h"

#include <optional>
#include <string>
#include <utility>

#include "common/str_cat.h"
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

absl::StatusOr<user::v1::UpdateUserRequest> ParseUpdate(const Request& request) {
  user::v1::UpdateUserRequest ask;
  QueryReader query(request);
  ask.set_user_id(query.PathId("id"));
  JsonBody body(request);
  std::optional<std::string> email =
      body.root().OptionalString("email", &user::v1::FindEmailViolation);
  std::optional<std::string> name =
      body.root().OptionalString("name", &user::v1::FindNameViolation);
  if (absl::Status status = body.Check(query.TakeViolations()); !status.ok()) return status;
  if (email) ask.set_email(*std::move(email));
  if (name) ask.set_name(*std::move(name));
  return ask;
}

}  // namespace

Task<absl::StatusOr<Response>> UserHandlers::List(RequestContext& context, const Request& request) {
  QueryReader query(request);
  user::v1::ListUsersRequest ask;
  ask.set_page_size(query.PageSize());
  ask.set_page_token(query.PageToken());
  absl::Status checked = query.Check();
  if (!checked.ok()) co_return checked;

  Task<absl::StatusOr<user::v1::ListUsersResponse>> call =
      users_.ListUsers(context, std::move(ask));
  const absl::StatusOr<user::v1::ListUsersResponse> answer = co_await call;
  if (!answer.ok()) co_return WithClientNames(answer.status());

  JsonWriter json;
  json.StartObject();
  WritePage(json, answer->users(), answer->next_page_token(), &WriteUserProfile);
  json.EndObject();
  co_return JsonResponse(json);
}

Task<absl::StatusOr<Response>> UserHandlers::Create(RequestContext& context,
                                                    const Request& request) {
  absl::StatusOr<user::v1::CreateUserRequest> ask = ParseCreate(request);
  if (!ask.ok()) co_return ask.status();

  Task<absl::StatusOr<user::v1::CreateUserResponse>> call =
      users_.CreateUser(context, *std::move(ask));
  const absl::StatusOr<user::v1::CreateUserResponse> answer = co_await call;
  if (!answer.ok()) co_return WithClientNames(answer.status());

  JsonWriter json;
  WriteUser(json, answer->user());
  co_return CreatedResponse(json, StrCat("/api/users/", answer->user().id()), answer->replayed());
}

Task<absl::StatusOr<Response>> UserHandlers::Get(RequestContext& context, const Request& request) {
  QueryReader query(request);
  user::v1::GetUserRequest ask;
  ask.set_user_id(query.PathId("id"));
  absl::Status checked = query.Check();
  if (!checked.ok()) co_return checked;

  Task<absl::StatusOr<user::v1::GetUserResponse>> call = users_.GetUser(context, std::move(ask));
  const absl::StatusOr<user::v1::GetUserResponse> answer = co_await call;
  if (!answer.ok()) co_return WithClientNames(answer.status(), kUserNames);

  JsonWriter json;
  WriteUser(json, answer->user());
  co_return JsonResponse(json);
}

Task<absl::StatusOr<Response>> UserHandlers::Update(RequestContext& context,
                                                    const Request& request) {
  absl::StatusOr<user::v1::UpdateUserRequest> ask = ParseUpdate(request);
  if (!ask.ok()) co_return ask.status();

  Task<absl::StatusOr<user::v1::UpdateUserResponse>> call =
      users_.UpdateUser(context, *std::move(ask));
  const absl::StatusOr<user::v1::UpdateUserResponse> answer = co_await call;
  if (!answer.ok()) co_return WithClientNames(answer.status(), kUserNames);

  JsonWriter json;
  WriteUser(json, answer->user());
  co_return JsonResponse(json);
}

Task<absl::StatusOr<Response>> UserHandlers::Delete(RequestContext& context,
                                                    const Request& request) {
  QueryReader query(request);
  user::v1::DeleteUserRequest ask;
  ask.set_user_id(query.PathId("id"));
  absl::Status checked = query.Check();
  if (!checked.ok()) co_return checked;

  Task<absl::StatusOr<user::v1::DeleteUserResponse>> call =
      users_.DeleteUser(context, std::move(ask));
  const absl::StatusOr<user::v1::DeleteUserResponse> answer = co_await call;
  if (!answer.ok()) co_return WithClientNames(answer.status(), kUserNames);
  co_return NoContent();
}

}  // namespace scaleout::gateway
