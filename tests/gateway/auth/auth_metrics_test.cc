#include "gateway/auth/auth_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "gateway/auth/auth_refusal.h"

namespace scaleout::gateway {
namespace {

using ::testing::HasSubstr;

TEST(AuthMetrics, CountRefusalsByTheirReason) {
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  AuthMetrics auth(*metrics);
  for (const absl::Status& refusal : {Unauthenticated("no token"), InvalidToken(), ExpiredToken(),
                                      SessionEnded(), Forbidden(), SessionUnknown()}) {
    auth.CountRefusal(refusal);
  }
  auth.CountRefusal(absl::CancelledError("gone"));
  const std::string page = metrics->RenderPrometheus();
  for (const char* line : {R"({reason="unauthenticated"} 1)", R"({reason="invalid_token"} 2)",
                           R"({reason="session_ended"} 1)", R"({reason="forbidden"} 1)",
                           R"({reason="session_unknown"} 1)"}) {
    EXPECT_THAT(page, HasSubstr(std::string("gateway_auth_refusals_total") + line));
  }
}

}  // namespace
}  // namespace scaleout::gateway
