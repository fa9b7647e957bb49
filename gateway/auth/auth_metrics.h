// What authentication counts, for all loops of an instance: what became of the tokens, and why
// requests were refused. Thread-safe.
#ifndef SCALEOUT_GATEWAY_AUTH_AUTH_METRICS_H_
#define SCALEOUT_GATEWAY_AUTH_AUTH_METRICS_H_

#include "absl/status/status.h"
#include "common/metrics.h"

namespace scaleout::gateway {

class AuthMetrics {
 public:
  // Registers its series with `metrics`, which outlives it.
  explicit AuthMetrics(Metrics& metrics);

  // gateway_auth_tokens_total{result}: known from an earlier request; verified; refused.
  Counter& remembered;
  Counter& verified;
  Counter& invalid;

  // gateway_auth_refusals_total{reason}, by the status's reason (auth_refusal.h); one that has none
  // of those is not counted.
  void CountRefusal(const absl::Status& refusal);

 private:
  Counter& unauthenticated_;
  Counter& invalid_token_;
  Counter& session_ended_;
  Counter& forbidden_;
  Counter& session_unknown_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_AUTH_METRICS_H_
