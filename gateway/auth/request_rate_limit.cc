#include "gateway/auth/request_rate_limit.h"

#include <string>
#include <utility>
#include <vector>

#include "common/str_cat.h"
#include "gateway/auth/client_address.h"
#include "gateway/auth/rate_limit_keys.h"

namespace scaleout::gateway {
namespace {

std::string KeyOf(const RateLimitPolicy& policy, const RequestContext& context) {
  if (context.principal.user_id > 0) {
    return RateLimitKey(policy.name, {"user", StrCat(context.principal.user_id)});
  }
  return RateLimitKey(policy.name, {"address", ClientNetwork(context.client).ToString()});
}

}  // namespace

Task<absl::Status> RequestRateLimit::Charge(RequestContext& context) {
  std::vector<RateLimitCharge> charges;
  charges.push_back({&policy_, KeyOf(policy_, context)});
  Task<absl::StatusOr<RateLimitDecision>> charging = limiter_.Charge(context, std::move(charges));
  const absl::StatusOr<RateLimitDecision> decision = co_await charging;
  if (!decision.ok()) co_return decision.status();
  NoteRateLimit(context, policy_, *decision);
  if (!decision->allowed) co_return RateLimited(policy_, decision->next);
  co_return absl::OkStatus();
}

std::unique_ptr<RequestRateLimit> MakeRequestRateLimit(const RateLimit& limit, RateLimiter& limiter,
                                                       Metrics& metrics) {
  if (!limit.on()) return nullptr;
  return std::make_unique<RequestRateLimit>(limit, limiter, metrics);
}

}  // namespace scaleout::gateway
