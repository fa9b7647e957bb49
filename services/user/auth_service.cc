#include "services/user/auth_service.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/principal.h"
#include "common/status.h"
#include "common/str_cat.h"
#include "proto/scaleout/user/v1/auth_limits.h"
#include "proto/scaleout/user/v1/user_limits.h"
#include "service/field_checks.h"
#include "services/user/revocation_page.h"
#include "services/user/user_message.h"

namespace scaleout::user {
namespace {

absl::Status InvalidCredentials() {
  return WithReason(absl::UnauthenticatedError("the e-mail address or the password is wrong"),
                    kReasonInvalidCredentials);
}

absl::Status InvalidRefreshToken() {
  return WithReason(absl::UnauthenticatedError("the refresh token is not valid"),
                    kReasonInvalidRefreshToken);
}

absl::Status NotConfigured() {
  return WithReason(absl::UnimplementedError("this service has no key to sign tokens with"),
                    kReasonLoginNotConfigured);
}

}  // namespace

absl::Status AuthService::Register(const CallContext& call, const v1::RegisterRequest& request,
                                   v1::RegisterResponse& response) {
  FieldChecks checks;
  checks.Refuse("email", v1::FindEmailViolation(request.email()));
  checks.Refuse("name", v1::FindNameViolation(request.name()));
  checks.Refuse("password", v1::FindPasswordViolation(request.password()));
  if (!checks.ok()) return checks.Check();

  const absl::StatusOr<std::string> hash = hasher_.Hash(call, request.password());
  if (!hash.ok()) return hash.status();
  const absl::StatusOr<UserRecord> user =
      credentials_.Register(call, {request.email(), request.name(), *hash});
  if (!user.ok()) return user.status();
  ToProto(*user, *response.mutable_user());
  return absl::OkStatus();
}

absl::Status AuthService::Login(const CallContext& call, const v1::LoginRequest& request,
                                v1::LoginResponse& response) {
  FieldChecks checks;
  checks.Refuse("email", v1::FindEmailViolation(request.email()));
  checks.Refuse("password", v1::FindLoginPasswordViolation(request.password()));
  if (!checks.ok()) return checks.Check();
  if (signer_ == nullptr) return NotConfigured();
  // Before the database is asked: a flood of logins is not to take the connections of reads.
  absl::StatusOr<PasswordHasher::Place> place = hasher_.Reserve(call);
  if (!place.ok()) return place.status();

  const absl::StatusOr<std::optional<Credential>> found = credentials_.Find(call, request.email());
  if (!found.ok()) return found.status();
  const std::string& hash = *found ? (*found)->password_hash : hasher_.dummy_hash();
  const absl::StatusOr<bool> matches =
      hasher_.Verify(*std::move(place), call, hash, request.password());
  if (!matches.ok()) return matches.status();
  if (!*found || !*matches) return InvalidCredentials();

  const RefreshToken refresh = RefreshToken::Random(SessionId::Random());
  const NewSession session{.user = (*found)->user,
                           .password_changes = (*found)->changes,
                           .new_password_hash = hasher_.Renew(call, hash, request.password()),
                           .id = refresh.session,
                           .refresh_hash = refresh.hash,
                           .family_hash = refresh.family};
  const absl::StatusOr<std::optional<AccessClaims>> begun = sessions_.Begin(call, session);
  if (!begun.ok()) return begun.status();
  if (!*begun) return InvalidCredentials();
  Fill(**begun, refresh, *response.mutable_tokens());
  response.set_user_id((*begun)->user.value());
  return absl::OkStatus();
}

absl::Status AuthService::Refresh(const CallContext& call, const v1::RefreshRequest& request,
                                  v1::RefreshResponse& response) {
  if (signer_ == nullptr) return NotConfigured();
  const std::optional<RefreshToken> presented = RefreshToken::Parse(request.refresh_token());
  if (!presented) return InvalidRefreshToken();
  const RefreshToken next = presented->Next();
  const absl::StatusOr<RotatedSession> rotated = sessions_.Rotate(call, *presented, next.hash);
  if (!rotated.ok()) return rotated.status();
  if (!rotated->claims) {
    const absl::Status published = revocations_.Publish(call, rotated->ended);
    return published.ok() ? InvalidRefreshToken() : published;
  }
  Fill(*rotated->claims, next, *response.mutable_tokens());
  response.set_user_id(rotated->claims->user.value());
  return absl::OkStatus();
}

absl::Status AuthService::Logout(const CallContext& call, const v1::LogoutRequest& request,
                                 v1::LogoutResponse& /*response*/) {
  const Principal principal = scaleout::FromProto(request.principal());
  if (principal.role == Role::kNone) return absl::UnauthenticatedError("a login is needed");
  FieldChecks checks;
  checks.Refuse("session_id", v1::FindSessionIdViolation(request.session_id()));
  if (!checks.ok()) return checks.Check();

  const absl::StatusOr<std::vector<SessionId>> ended =
      sessions_.End(call, UserId(principal.user_id), *SessionId::Parse(request.session_id()));
  if (!ended.ok()) return ended.status();
  return revocations_.Publish(call, *ended);
}

absl::Status AuthService::CheckSessions(const CallContext& call,
                                        const v1::CheckSessionsRequest& request,
                                        v1::CheckSessionsResponse& response) {
  FieldChecks checks;
  std::vector<std::int64_t> users;
  for (const auto& key : request.keys()) users.push_back(key.user_id());
  checks.BatchIds("user_id", users);
  if (!checks.ok()) return checks.Check();
  std::vector<SessionId> ids;
  for (int i = 0; i < request.keys_size(); ++i) {
    const auto& key = request.keys(i);
    checks.Refuse(StrCat("keys[", i, "].session_id"), v1::FindSessionIdViolation(key.session_id()));
    checks.Require(FromProto(key.role()) != Role::kNone, StrCat("keys[", i, "].role"),
                   "must be a role");
    ids.push_back(SessionId::Parse(key.session_id()).value_or(SessionId()));
  }
  if (!checks.ok()) return checks.Check();

  const absl::StatusOr<std::vector<LiveSession>> found = sessions_.FindLive(call, ids);
  if (!found.ok()) return found.status();
  absl::flat_hash_map<SessionId, const LiveSession*> live;
  for (const LiveSession& session : *found) live.emplace(session.id, &session);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto& key = request.keys(static_cast<int>(i));
    const auto session = live.find(ids[i]);
    response.add_entries()->set_alive(session != live.end() &&
                                      session->second->user.value() == key.user_id() &&
                                      session->second->role == FromProto(key.role()));
  }
  return absl::OkStatus();
}

absl::Status AuthService::ListRevocations(const CallContext& call,
                                          const v1::ListRevocationsRequest& request,
                                          v1::ListRevocationsResponse& response) {
  FieldChecks checks;
  const RevocationPage page = ParseRevocationPage(request, checks);
  if (!checks.ok()) return checks.Check();

  // One more than the page tells whether there is another.
  const absl::StatusOr<std::vector<Revocation>> revocations =
      sessions_.ListRevoked(call, page.after, page.size + 1);
  if (!revocations.ok()) return revocations.status();
  const auto size = std::min(revocations->size(), static_cast<std::size_t>(page.size));
  for (std::size_t i = 0; i < size; ++i) response.add_session_ids((*revocations)[i].id.hex());
  if (revocations->size() > size) {
    response.set_next_page_token(MakeRevocationToken((*revocations)[size - 1]));
  }
  return absl::OkStatus();
}

void AuthService::Fill(const AccessClaims& claims, const RefreshToken& refresh,
                       v1::Tokens& tokens) const {
  constexpr std::chrono::seconds kTime = v1::kAccessTokenTime;
  tokens.set_access_token(signer_->Sign(claims));
  tokens.set_expires_in_seconds(static_cast<std::int32_t>(kTime.count()));
  tokens.set_refresh_token(refresh.text);
}

}  // namespace scaleout::user
