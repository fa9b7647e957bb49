#include "gateway/auth/login_rate_limit.h"

#include <string_view>
#include <utility>
#include <vector>

#include "common/principal.h"
#include "gateway/auth/client_address.h"
#include "gateway/auth/rate_limit_keys.h"

namespace scaleout::gateway {
namespace {

class SharedLoginRateLimit final : public LoginRateLimit {
 public:
  SharedLoginRateLimit(const LoginRates& rates, RateLimiter& limiter, Metrics& metrics)
      : account_and_address_("login-account-address", rates.per_account_and_address, metrics),
        address_("login-address", rates.per_address, metrics),
        account_("login-account", rates.per_account, metrics),
        limiter_(limiter) {}

  Task<absl::Status> ChargeLogin(RequestContext& context, std::string email) override {
    const std::string account = FoldAccount(email);
    const std::string address = AddressOf(context);
    std::vector<RateLimitCharge> charges;
    Add(account_and_address_, {account, address}, charges);
    Add(address_, {address}, charges);
    Add(account_, {account}, charges);
    return Charge(context, std::move(charges));
  }

  Task<absl::Status> ChargeRegistration(RequestContext& context) override {
    return ChargeAddress(context);
  }

  Task<absl::Status> ChargeEmailChange(RequestContext& context) override {
    return context.principal.role == Role::kCustomer ? ChargeAddress(context) : Charge(context, {});
  }

 private:
  static std::string AddressOf(const RequestContext& context) {
    return ClientNetwork(context.client).ToString();
  }

  static void Add(const RateLimitPolicy& policy, std::initializer_list<std::string_view> parts,
                  std::vector<RateLimitCharge>& charges) {
    if (policy.limit.on()) charges.push_back({&policy, RateLimitKey(policy.name, parts)});
  }

  Task<absl::Status> ChargeAddress(RequestContext& context) {
    const std::string address = AddressOf(context);
    std::vector<RateLimitCharge> charges;
    Add(address_, {address}, charges);
    return Charge(context, std::move(charges));
  }

  // An answer that is allowed says nothing of what is left: of an account that would be how much
  // others guess at it.
  Task<absl::Status> Charge(RequestContext& context, std::vector<RateLimitCharge> charges) {
    if (charges.empty()) co_return absl::OkStatus();
    Task<absl::StatusOr<RateLimitDecision>> charging = limiter_.Charge(context, charges);
    const absl::StatusOr<RateLimitDecision> decision = co_await charging;
    if (!decision.ok()) co_return decision.status();
    if (decision->allowed) co_return absl::OkStatus();
    const RateLimitPolicy& policy = *charges[decision->which].policy;
    NoteRateLimit(context, policy, *decision);
    co_return RateLimited(policy, decision->next);
  }

  const RateLimitPolicy account_and_address_;
  const RateLimitPolicy address_;
  const RateLimitPolicy account_;
  RateLimiter& limiter_;
};

}  // namespace

std::unique_ptr<LoginRateLimit> MakeLoginRateLimit(const LoginRates& rates, RateLimiter& limiter,
                                                   Metrics& metrics) {
  return std::make_unique<SharedLoginRateLimit>(rates, limiter, metrics);
}

}  // namespace scaleout::gateway
