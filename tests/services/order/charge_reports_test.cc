#include "services/order/charge_reports.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/support/fake_logger.h"

namespace scaleout::order {
namespace {

const Charge kCharge = {OrderId(5), "0f8fad5b-d9cb-469f-a165-70867728950e", Money{1999, "EUR"}};

class ChargeReportsTest : public ::testing::Test {
 protected:
  double Orphaned() {
    return metrics_
        ->AddCounter("orders_orphaned_captures_total",
                     "Captured payments that fit no reservation; must stay 0")
        .value();
  }

  testing::FakeLogger logger_;
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  ChargeReports reports_{logger_, *metrics_};
};

TEST_F(ChargeReportsTest, OrphanedCaptureIsCountedAndAnError) {
  EXPECT_EQ(Orphaned(), 0);
  reports_.Add("payment.captured", kCharge, ChargeEffect::kOrphaned);
  EXPECT_EQ(Orphaned(), 1);
  ASSERT_EQ(logger_.lines().size(), 1u);
  const testing::LoggedLine line = logger_.lines()[0];
  EXPECT_EQ(line.level, LogLevel::kError);
  EXPECT_EQ(line.fields.at("effect"), "orphaned");
  EXPECT_EQ(line.fields.at("source"), "payment.captured");
  EXPECT_EQ(line.fields.at("orderId"), "5");
  EXPECT_EQ(line.fields.at("reservationId"), kCharge.reservation_id);
}

TEST_F(ChargeReportsTest, RefusedChargeThatFitsNothingIsAWarning) {
  reports_.Add("settlement", {OrderId(5), "", std::nullopt}, ChargeEffect::kIgnored);
  ASSERT_EQ(logger_.lines().size(), 1u);
  EXPECT_EQ(logger_.lines()[0].level, LogLevel::kWarn);
  EXPECT_EQ(logger_.lines()[0].fields.at("source"), "settlement");
  EXPECT_EQ(Orphaned(), 0);
}

TEST_F(ChargeReportsTest, ChargeThatReachesItsOrderIsNoWarning) {
  reports_.Add("payment.captured", kCharge, ChargeEffect::kMoved);
  reports_.Add("payment.captured", kCharge, ChargeEffect::kUnchanged);
  for (const testing::LoggedLine& line : logger_.lines()) EXPECT_EQ(line.level, LogLevel::kDebug);
  EXPECT_EQ(Orphaned(), 0);
}

}  // namespace
}  // namespace scaleout::order
