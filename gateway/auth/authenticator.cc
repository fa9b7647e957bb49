#include "gateway/auth/authenticator.h"

#include "absl/strings/match.h"
#include "common/str_cat.h"
#include "gateway/auth/auth_refusal.h"

namespace scaleout::gateway {
namespace {

constexpr std::string_view kHeader = "Authorization";
constexpr std::string_view kScheme = "Bearer";

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(ToAbsl(a), ToAbsl(b));
}

}  // namespace

absl::StatusOr<std::string_view> FindBearerToken(
    std::span<const std::pair<std::string_view, std::string_view>> headers) {
  const std::string_view* found = nullptr;
  for (const auto& [name, value] : headers) {
    if (name.size() != kHeader.size() || !EqualsIgnoreCase(name, kHeader)) continue;
    if (found != nullptr) return Unauthenticated("There is more than one Authorization header.");
    found = &value;
  }
  if (found == nullptr) return std::string_view();
  const std::size_t blank = found->find(' ');
  if (!EqualsIgnoreCase(found->substr(0, blank), kScheme)) {
    return Unauthenticated("The scheme of Authorization must be Bearer.");
  }
  std::string_view token = found->substr(std::min(blank, found->size()));
  token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
  if (token.empty()) return Unauthenticated("The Authorization header has no token.");
  return token;
}

absl::StatusOr<std::string_view> Authenticator::FindToken(
    Access access, std::span<const std::pair<std::string_view, std::string_view>> headers) {
  if (access == Access::kInternal) return std::string_view();
  absl::StatusOr<std::string_view> token = FindBearerToken(headers);
  if (!token.ok()) return Refuse(token.status());
  return token;
}

absl::Status Authenticator::AdmitWithoutToken(RequestContext& context, Access access) {
  if (access == Access::kInternal || access == Access::kPublic) return absl::OkStatus();
  if (parts_.mode == AuthMode::kRequired) {
    return Refuse(Unauthenticated("This needs an access token."));
  }
  context.principal = kLabPrincipal;
  return absl::OkStatus();
}

Task<absl::Status> Authenticator::AdmitToken(RequestContext& context, Access access,
                                             std::string_view token) {
  absl::StatusOr<VerifiedToken> verified = Verify(context, token);
  if (!verified.ok()) co_return Refuse(verified.status());
  Task<absl::StatusOr<bool>> asking = parts_.sessions.IsAlive(context, *verified);
  const absl::StatusOr<bool> alive = co_await asking;
  if (!alive.ok()) {
    // The client left, or gave less time than that takes: nothing is wrong with the sessions.
    const bool over = context.cancellation.cancelled() || context.Remaining() == Duration::zero();
    co_return over ? alive.status() : Refuse(SessionUnknown());
  }
  if (!*alive) co_return Refuse(SessionEnded());
  if (access == Access::kAdmin && !verified->principal.IsAdmin()) co_return Refuse(Forbidden());
  context.principal = verified->principal;
  context.session_id = std::move(verified->session_id);
  co_return absl::OkStatus();
}

absl::StatusOr<VerifiedToken> Authenticator::Verify(RequestContext& context,
                                                    std::string_view token) {
  if (token.size() > kMaxTokenBytes) {
    parts_.metrics.invalid.Increment();
    return InvalidToken();
  }
  const TokenMemory::Hash hash = memory_.HashOf(token);
  if (const VerifiedToken* known = memory_.Find(hash, context.clock.WallNow()); known != nullptr) {
    parts_.metrics.remembered.Increment();
    return *known;
  }
  if (parts_.forged != nullptr) {
    if (absl::Status allowed = parts_.forged->Check(context); !allowed.ok()) return allowed;
  }
  bool forged = false;
  absl::StatusOr<VerifiedToken> verified = parts_.verifier.Verify(token, &forged);
  if (forged && parts_.forged != nullptr) parts_.forged->Charge(context);
  (verified.ok() ? parts_.metrics.verified : parts_.metrics.invalid).Increment();
  if (verified.ok()) memory_.Remember(hash, *verified);
  return verified;
}

absl::Status Authenticator::Refuse(absl::Status refusal) {
  parts_.metrics.CountRefusal(refusal);
  return refusal;
}

}  // namespace scaleout::gateway
