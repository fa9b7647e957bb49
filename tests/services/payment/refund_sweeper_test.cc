#include "services/payment/refund_sweeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/services/payment/fake_provider.h"
#include "tests/services/payment/fake_refunds.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_logger.h"

namespace scaleout::payment {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RefundSweeperTest : public ::testing::Test {
 protected:
  static Refund Of(const std::string& id) { return {id, PaymentId(3), "sim_3", {1999, "EUR"}}; }

  scaleout::testing::FakeClock clock_;
  scaleout::testing::FakeLogger logger_;
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  FakeRefunds refunds_;
  FakeProvider provider_;
  RefundSweeper sweeper_{{refunds_, provider_, logger_, *metrics_, clock_}, 5s};
};

TEST_F(RefundSweeperTest, GivesBackWhatIsDue) {
  refunds_.due = {Of("a"), Of("b")};
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_THAT(provider_.log, ElementsAre("refund a of sim_3", "refund b of sim_3"));
  EXPECT_THAT(refunds_.log, ElementsAre("complete a", "complete b"));
  EXPECT_EQ(refunds_.again_after, 5s);
  EXPECT_THAT(metrics_->RenderPrometheus(), HasSubstr("payment_refunds_refused 0"));
}

TEST_F(RefundSweeperTest, NoAnswerEndsNoRefund) {
  refunds_.due = {Of("a"), Of("b")};
  refunds_.refused = 1;  // one from before
  provider_.refund = absl::UnavailableError("no answer");
  EXPECT_EQ(sweeper_.Round(), provider_.refund.status());
  EXPECT_THAT(refunds_.log, IsEmpty());
  EXPECT_THAT(metrics_->RenderPrometheus(), HasSubstr("payment_refunds_refused 1"));
  // Nor does it keep the others from theirs.
  EXPECT_THAT(provider_.log, ElementsAre("refund a of sim_3", "refund b of sim_3"));
  EXPECT_EQ(provider_.refunding.deadline.Remaining(clock_), kMaxProviderTimeout);
}

TEST_F(RefundSweeperTest, AFinalRefusalEndsItAndIsAnAlert) {
  refunds_.due = {Of("a")};
  provider_.refund = RefundAnswer{false, "unknown_charge"};
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_THAT(refunds_.log, ElementsAre("refuse a unknown_charge"));
  EXPECT_THAT(metrics_->RenderPrometheus(), HasSubstr("payment_refunds_refused 1"));
  const auto line = logger_.Find("the provider has refused a refund; it has to be made by hand");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->level, LogLevel::kError);
  EXPECT_EQ(line->fields.at("paymentId"), "3");
}

TEST_F(RefundSweeperTest, AnswersTheErrorOfTheDatabase) {
  refunds_.due = {Of("a")};
  refunds_.end_failure = absl::UnavailableError("unreachable");
  EXPECT_EQ(sweeper_.Round(), refunds_.end_failure);
  refunds_.take_failure = absl::UnavailableError("away");
  EXPECT_EQ(sweeper_.Round(), refunds_.take_failure);
  refunds_.take_failure = absl::OkStatus();
  refunds_.count_failure = absl::UnavailableError("gone");
  EXPECT_EQ(sweeper_.Round(), refunds_.count_failure);
}

}  // namespace
}  // namespace scaleout::payment
