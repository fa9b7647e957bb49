#include "gateway/auth/forged_token_limit.h"

#include <array>

#include "gateway/auth/client_address.h"

namespace scaleout::gateway {
namespace {

// Of every instance the whole limit: what it protects is the instance's own loops.
constexpr int kInstances = 1;

// In this process's memory alone, so the address itself.
std::array<RateLimitCharge, 1> ChargesOf(const RateLimitPolicy& policy,
                                         const RequestContext& context) {
  return {RateLimitCharge{&policy, ClientNetwork(context.client).ToString()}};
}

}  // namespace

absl::Status ForgedTokenLimit::Check(RequestContext& context) {
  const RateLimitDecision decision =
      failures_.Ask(ChargesOf(policy_, context), kInstances, context.clock.Now());
  if (decision.allowed) return absl::OkStatus();
  policy_.refused.Increment();
  NoteRateLimit(context, policy_, decision);
  return RateLimited(policy_, decision.next);
}

void ForgedTokenLimit::Charge(const RequestContext& context) {
  failures_.Charge(ChargesOf(policy_, context), kInstances, context.clock.Now());
  policy_.allowed.Increment();
}

std::unique_ptr<ForgedTokenLimit> MakeForgedTokenLimit(const RateLimit& limit, Metrics& metrics) {
  if (!limit.on()) return nullptr;
  return std::make_unique<ForgedTokenLimit>(limit, metrics);
}

}  // namespace scaleout::gateway
