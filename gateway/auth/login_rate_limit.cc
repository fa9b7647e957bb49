#include "gateway/auth/login_rate_limit.h"

namespace scaleout::gateway {
namespace {

class NoLoginRateLimit final : public LoginRateLimit {
 public:
  Task<absl::Status> ChargeLogin(RequestContext&, std::string) override {
    co_return absl::OkStatus();
  }
  Task<absl::Status> ChargeRegistration(RequestContext&) override { co_return absl::OkStatus(); }
  Task<absl::Status> ChargeEmailChange(RequestContext&) override { co_return absl::OkStatus(); }
};

}  // namespace

std::unique_ptr<LoginRateLimit> MakeNoLoginRateLimit() {
  return std::make_unique<NoLoginRateLimit>();
}

}  // namespace scaleout::gateway
