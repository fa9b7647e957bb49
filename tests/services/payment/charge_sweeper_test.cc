#include "services/payment/charge_sweeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/services/payment/fake_charges.h"
#include "tests/services/payment/fake_provider.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_logger.h"

namespace scaleout::payment {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ChargeSweeperTest : public ::testing::Test {
 protected:
  scaleout::testing::FakeClock clock_;
  scaleout::testing::FakeLogger logger_;
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  FakeCharges charges_;
  FakeProvider provider_;
  ChargeSweeper sweeper_{{charges_, provider_, logger_, *metrics_, clock_}, 1s};
};

TEST_F(ChargeSweeperTest, AsksForNothingWhereNothingIsDue) {
  EXPECT_TRUE(sweeper_.Round().ok());
  EXPECT_THAT(provider_.log, IsEmpty());
}

TEST_F(ChargeSweeperTest, RecordsWhatTheProviderHasDecided) {
  charges_.due = {"a", "b"};
  provider_.find = Approved();
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_THAT(provider_.log, ElementsAre("find a", "find b"));
  EXPECT_THAT(charges_.log, ElementsAre("decide a approved", "decide b approved"));
  EXPECT_THAT(metrics_->RenderPrometheus(),
              HasSubstr("payment_charges_swept_total{outcome=\"captured\"} 2"));
  EXPECT_EQ(charges_.recording.deadline.Remaining(clock_), 2s);
  EXPECT_EQ(provider_.finding.deadline.Remaining(clock_), kMaxProviderTimeout);
}

TEST_F(ChargeSweeperTest, RecordsADeclinedCharge) {
  charges_.due = {"a"};
  provider_.find = Declined("card_declined");
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_THAT(charges_.log, ElementsAre("decide a declined"));
  EXPECT_THAT(metrics_->RenderPrometheus(),
              HasSubstr("payment_charges_swept_total{outcome=\"failed\"} 1"));
}

TEST_F(ChargeSweeperTest, LeavesAChargeThatIsPending) {
  charges_.due = {"a"};
  provider_.find = Pending();
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_THAT(provider_.log, ElementsAre("find a"));
  EXPECT_THAT(charges_.log, IsEmpty());
  EXPECT_THAT(metrics_->RenderPrometheus(),
              HasSubstr("payment_charges_swept_total{outcome=\"pending\"} 1"));
}

TEST_F(ChargeSweeperTest, VoidsAChargeThatTheProviderDoesNotKnow) {
  charges_.due = {"a"};
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_THAT(provider_.log, ElementsAre("find a", "void a"));
  EXPECT_EQ(provider_.voiding.deadline.Remaining(clock_), kMaxProviderTimeout);
  EXPECT_THAT(charges_.log, ElementsAre("decide a declined"));
}

TEST_F(ChargeSweeperTest, RecordsTheChargeThatAVoidHasMet) {
  charges_.due = {"a"};
  provider_.voided = Approved();
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_THAT(charges_.log, ElementsAre("decide a approved"));
}

TEST_F(ChargeSweeperTest, LeavesAPendingChargeThatAVoidHasMet) {
  charges_.due = {"a"};
  provider_.voided = Pending();
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_THAT(charges_.log, IsEmpty());
}

TEST_F(ChargeSweeperTest, ConcludesNothingFromAnErrorOfTheProvider) {
  const absl::Status away = absl::UnavailableError("no answer");
  charges_.due = {"a", "b"};
  provider_.find = away;
  EXPECT_EQ(sweeper_.Round(), away);
  // One that gets no answer does not keep the others from theirs.
  EXPECT_THAT(provider_.log, ElementsAre("find a", "find b"));
  EXPECT_THAT(metrics_->RenderPrometheus(),
              HasSubstr("payment_charges_swept_total{outcome=\"error\"} 2"));
  charges_.due = {"c"};
  provider_.find = ChargeReport();
  provider_.voided = away;
  EXPECT_EQ(sweeper_.Round(), away);
  EXPECT_THAT(charges_.log, IsEmpty());
}

TEST_F(ChargeSweeperTest, AnswersTheErrorOfTheDatabase) {
  charges_.due = {"a"};
  provider_.find = Approved();
  charges_.decide_failure = absl::UnavailableError("unreachable");
  EXPECT_EQ(sweeper_.Round(), charges_.decide_failure);
  charges_.take_failure = absl::UnavailableError("away");
  EXPECT_EQ(sweeper_.Round(), charges_.take_failure);
}

TEST_F(ChargeSweeperTest, DoesNotCountWhatACallHasDecidedMeanwhile) {
  charges_.due = {"a"};
  charges_.stored = "{}";
  provider_.find = Approved();
  ASSERT_TRUE(sweeper_.Round().ok());
  EXPECT_THAT(metrics_->RenderPrometheus(),
              HasSubstr("payment_charges_swept_total{outcome=\"captured\"} 0"));
  EXPECT_TRUE(logger_.lines().empty());
}

}  // namespace
}  // namespace scaleout::payment
