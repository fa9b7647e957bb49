#include "gateway/auth/session_view.h"

#include <utility>

namespace scaleout::gateway {
namespace {

class AskingSessionView final : public SessionView {
 public:
  explicit AskingSessionView(AskSession ask) : ask_(std::move(ask)) {}

  Task<absl::StatusOr<bool>> IsAlive(RequestContext& context, const VerifiedToken& token) override {
    return ask_(context, token);
  }

 private:
  const AskSession ask_;
};

}  // namespace

std::unique_ptr<SessionView> MakeAskingSessionView(AskSession ask) {
  return std::make_unique<AskingSessionView>(std::move(ask));
}

}  // namespace scaleout::gateway
