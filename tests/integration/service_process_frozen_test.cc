// The programs over a PostgreSQL that is frozen: what they say of themselves, and how they end.
#include <future>
#include <vector>

#include "tests/integration/service_process_fixture.h"
#include "tests/support/standstill.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::Eventually;
using testing::kPatience;

class ServiceProcessFrozenTest : public testing::ServiceProcessFixture {};

// What the product promises.
constexpr std::chrono::seconds kNoticeLimit{5};
// Of the drain: a second of grace, two for the calls that run, and room for a slow machine.
constexpr std::chrono::seconds kDrainLimit{8};

TEST_F(ServiceProcessFrozenTest, HealthIsNotServingWithinFiveSecondsAndRecovers) {
  StartAndServe(USER_SERVICE);
  auto frozen = postgres_.Freeze();
  EXPECT_TRUE(Eventually([this] { return absl::IsUnavailable(ProbeGrpc(target(), "", kPatience)); },
                         kNoticeLimit + testing::kStandstill));
  EXPECT_TRUE(absl::IsUnavailable(GetUser(1)));
  frozen.reset();
  EXPECT_TRUE(BecomesServing()) << process_->out();
  EXPECT_TRUE(absl::IsNotFound(GetUser(1)));
}

TEST_F(ServiceProcessFrozenTest, EndsInTimeOnSigtermWithCallsThatWait) {
  environment_["SERVICE_DRAIN_GRACE"] = "1s";
  environment_["SERVICE_DRAIN_TIMEOUT"] = "2s";
  environment_["DB_POOL_MAX"] = "2";
  environment_["DB_POOL_WAIT"] = "10s";
  StartAndServe(USER_SERVICE);
  const auto frozen = postgres_.Freeze();
  std::vector<std::future<absl::Status>> calls;
  for (int i = 0; i < 6; ++i) {
    calls.push_back(std::async(std::launch::async, [this] { return GetUser(1); }));
  }
  process_->Signal(SIGTERM);
  EXPECT_EQ(process_->Wait(kDrainLimit), 0) << process_->out() << process_->err();
  for (auto& call : calls) EXPECT_FALSE(call.get().ok());
}

TEST_F(ServiceProcessFrozenTest, EndsInTimeOnSigtermOnceItHasGivenUp) {
  StartAndServe(USER_SERVICE);
  const auto frozen = postgres_.Freeze();
  EXPECT_TRUE(
      Eventually([this] { return absl::IsUnavailable(ProbeGrpc(target(), "", kPatience)); }));
  process_->Signal(SIGTERM);
  EXPECT_EQ(process_->Wait(kDrainLimit), 0) << process_->out() << process_->err();
}

TEST_F(ServiceProcessFrozenTest, EndsInTimeOnSigtermWhenTheServerWasFrozenBeforeItsStart) {
  auto frozen = postgres_.Freeze();
  Start(USER_SERVICE);
  EXPECT_TRUE(
      Eventually([this] { return absl::IsUnavailable(ProbeGrpc(target(), "", kPatience)); }));
  process_->Signal(SIGTERM);
  EXPECT_EQ(process_->Wait(kDrainLimit), 0) << process_->out() << process_->err();
}

}  // namespace
}  // namespace scaleout
