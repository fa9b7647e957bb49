#include "gateway/handlers/auth_handlers.h"

#include <string_view>
#include <utility>

#include "common/principal.h"
#include "common/str_cat.h"
#include "gateway/auth/auth_refusal.h"
#include "gateway/handlers/ask_backend.h"
#include "gateway/handlers/json_response.h"
#include "gateway/json/field_path.h"
#include "gateway/json/json_reader.h"
#include "gateway/json/query_reader.h"
#include "gateway/json/resource_json.h"
#include "proto/scaleout/user/v1/auth_limits.h"
#include "proto/scaleout/user/v1/user_limits.h"

namespace scaleout::gateway {
namespace {

// What is shorter or otherwise wrong is a token that the service does not know.
rpc::v1::Violation FindRefreshTokenViolation(std::string_view value) {
  if (!value.empty() && value.size() <= user::v1::kRefreshTokenCharacters) return std::nullopt;
  return StrCat("must have 1 to ", user::v1::kRefreshTokenCharacters, " characters");
}

absl::StatusOr<user::v1::RegisterRequest> ParseRegister(const Request& request) {
  QueryReader query(request);
  JsonBody body(request);
  user::v1::RegisterRequest ask;
  ask.set_email(body.root().String("email", &user::v1::FindEmailViolation));
  ask.set_name(body.root().String("name", &user::v1::FindNameViolation));
  ask.set_password(body.root().String("password", &user::v1::FindPasswordViolation));
  if (absl::Status status = body.Check(query.TakeViolations()); !status.ok()) return status;
  return ask;
}

absl::StatusOr<user::v1::LoginRequest> ParseLogin(const Request& request) {
  QueryReader query(request);
  JsonBody body(request);
  user::v1::LoginRequest ask;
  ask.set_email(body.root().String("email", &user::v1::FindEmailViolation));
  ask.set_password(body.root().String("password", &user::v1::FindLoginPasswordViolation));
  if (absl::Status status = body.Check(query.TakeViolations()); !status.ok()) return status;
  return ask;
}

absl::StatusOr<user::v1::RefreshRequest> ParseRefresh(const Request& request) {
  QueryReader query(request);
  JsonBody body(request);
  user::v1::RefreshRequest ask;
  ask.set_refresh_token(body.root().String("refreshToken", &FindRefreshTokenViolation));
  if (absl::Status status = body.Check(query.TakeViolations()); !status.ok()) return status;
  return ask;
}

Response TokensResponse(const user::v1::Tokens& tokens) {
  JsonWriter json;
  json.StartObject();
  json.Field("accessToken", tokens.access_token());
  json.Field("tokenType", "Bearer");
  json.Field("expiresIn", tokens.expires_in_seconds());
  json.Field("refreshToken", tokens.refresh_token());
  json.EndObject();
  return UncachedResponse(std::move(json));
}

Response LabResponse() {
  JsonWriter json;
  json.StartObject();
  json.Field("lab", true);
  json.Field("role", RoleName(kLabPrincipal.role));
  json.EndObject();
  return JsonResponse(std::move(json));
}

Task<absl::StatusOr<Response>> Answer(Response response) { co_return response; }

std::string RenderKeySet(const TokenKeys& keys) {
  JsonWriter json;
  json.StartObject();
  json.StartArray("keys");
  for (const PublicKey& key : keys.list()) {
    json.StartObject();
    json.Field("kty", "EC");
    json.Field("crv", "P-256");
    json.Field("x", key.x());
    json.Field("y", key.y());
    json.Field("kid", key.kid());
    json.Field("alg", "ES256");
    json.Field("use", "sig");
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return std::move(json).TakeString();
}

}  // namespace

AuthHandlers::AuthHandlers(AuthBackend& auth, UserBackend& users, LoginRateLimit& rates,
                           const TokenKeys& keys)
    : auth_(auth), users_(users), rates_(rates), key_set_(RenderKeySet(keys)) {}

Task<absl::StatusOr<Response>> AuthHandlers::Register(RequestContext& context,
                                                      const Request& request) {
  absl::StatusOr<user::v1::RegisterRequest> ask = ParseRegister(request);
  if (!ask.ok()) return Refuse(ask.status());
  return RegisterCharged(context, *std::move(ask));
}

Task<absl::StatusOr<Response>> AuthHandlers::RegisterCharged(RequestContext& context,
                                                             user::v1::RegisterRequest ask) {
  Task<absl::Status> charging = rates_.ChargeRegistration(context);
  const absl::Status charged = co_await charging;
  if (!charged.ok()) co_return charged;
  Task<absl::StatusOr<user::v1::RegisterResponse>> asking = auth_.Register(context, std::move(ask));
  const absl::StatusOr<user::v1::RegisterResponse> answer = co_await asking;
  if (!answer.ok()) co_return WithClientNames(answer.status());
  co_return CreatedResponse(answer->user(), &WriteUser, StrCat("/api/users/", answer->user().id()),
                            /*replayed=*/false);
}

Task<absl::StatusOr<Response>> AuthHandlers::Login(RequestContext& context,
                                                   const Request& request) {
  absl::StatusOr<user::v1::LoginRequest> ask = ParseLogin(request);
  if (!ask.ok()) return Refuse(ask.status());
  return LoginCharged(context, *std::move(ask));
}

Task<absl::StatusOr<Response>> AuthHandlers::LoginCharged(RequestContext& context,
                                                          user::v1::LoginRequest ask) {
  std::string email = ask.email();
  Task<absl::Status> charging = rates_.ChargeLogin(context, std::move(email));
  const absl::Status charged = co_await charging;
  if (!charged.ok()) co_return charged;
  Task<absl::StatusOr<user::v1::LoginResponse>> asking = auth_.Login(context, std::move(ask));
  const absl::StatusOr<user::v1::LoginResponse> answer = co_await asking;
  if (!answer.ok()) co_return WithClientNames(answer.status());
  co_return TokensResponse(answer->tokens());
}

Task<absl::StatusOr<Response>> AuthHandlers::Refresh(RequestContext& context,
                                                     const Request& request) {
  absl::StatusOr<user::v1::RefreshRequest> ask = ParseRefresh(request);
  if (!ask.ok()) return Refuse(ask.status());
  return AskBackend(
      auth_.Refresh(context, *std::move(ask)), {},
      [](const user::v1::RefreshResponse& answer) { return TokensResponse(answer.tokens()); });
}

Task<absl::StatusOr<Response>> AuthHandlers::Logout(RequestContext& context,
                                                    const Request& request) {
  QueryReader query(request);
  if (absl::Status checked = query.Check(); !checked.ok()) return Refuse(checked);
  if (context.session_id.empty()) {
    return Refuse(Unauthenticated("This needs an access token: its session is what ends."));
  }
  user::v1::LogoutRequest ask;
  ask.set_session_id(context.session_id);
  return AskBackend(auth_.Logout(context, std::move(ask)), {},
                    [](const user::v1::LogoutResponse&) { return NoContent(); });
}

Task<absl::StatusOr<Response>> AuthHandlers::Me(RequestContext& context, const Request& request) {
  QueryReader query(request);
  if (absl::Status checked = query.Check(); !checked.ok()) return Refuse(checked);
  if (context.principal.lab) return Answer(LabResponse());
  user::v1::GetUserRequest ask;
  ask.set_user_id(context.principal.user_id);
  return AskBackend(users_.GetUser(context, std::move(ask)), {},
                    [](const user::v1::GetUserResponse& answer) {
                      return ItemResponse(answer.user(), &WriteUser);
                    });
}

Task<absl::StatusOr<Response>> AuthHandlers::Keys(RequestContext&, const Request& request) {
  QueryReader query(request);
  if (absl::Status checked = query.Check(); !checked.ok()) return Refuse(checked);
  return Answer(Response(200, key_set_));
}

}  // namespace scaleout::gateway
