#include "gateway/auth/auth_metrics.h"

#include <string>
#include <string_view>
#include <utility>

#include "common/status.h"
#include "gateway/auth/auth_refusal.h"

namespace scaleout::gateway {
namespace {

Counter& AddTokens(Metrics& metrics, std::string_view result) {
  return metrics.AddCounter("gateway_auth_tokens_total", "Access tokens, by what became of them.",
                            {{"result", std::string(result)}});
}

Counter& AddRefusals(Metrics& metrics, std::string_view reason) {
  return metrics.AddCounter("gateway_auth_refusals_total",
                            "Requests that were refused because of who asked.",
                            {{"reason", std::string(reason)}});
}

}  // namespace

AuthMetrics::AuthMetrics(Metrics& metrics)
    : remembered(AddTokens(metrics, "remembered")),
      verified(AddTokens(metrics, "verified")),
      invalid(AddTokens(metrics, "invalid")),
      unauthenticated_(AddRefusals(metrics, "unauthenticated")),
      invalid_token_(AddRefusals(metrics, "invalid_token")),
      session_ended_(AddRefusals(metrics, "session_ended")),
      forbidden_(AddRefusals(metrics, "forbidden")),
      session_unknown_(AddRefusals(metrics, "session_unknown")) {}

void AuthMetrics::CountRefusal(const absl::Status& refusal) {
  const std::pair<std::string_view, Counter*> counters[] = {
      {kReasonUnauthenticated, &unauthenticated_}, {kReasonInvalidToken, &invalid_token_},
      {kReasonSessionEnded, &session_ended_},      {kReasonForbidden, &forbidden_},
      {kReasonSessionUnknown, &session_unknown_},
  };
  const std::string reason = ReasonOf(refusal);
  for (const auto& [name, counter] : counters) {
    if (name == reason) return counter->Increment();
  }
}

}  // namespace scaleout::gateway
